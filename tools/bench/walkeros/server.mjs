// The walkerOS collector with one destination that appends each event to a file and syncs nothing to the disk.
// `express`: behind Express 5 with its JSON parser and CORS, as the project's own HTTP source sets it up, answering when the
// collector has passed the events on. `bare`: behind Node's own HTTP server, the least that could be in front of it.
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:http';
import { startFlow } from '@walkeros/collector';
import { createRespond } from '@walkeros/core';
import cors from 'cors';
import express from 'express';

const [port, file, front] = process.argv.slice(2);
const out = createWriteStream(file, { flags: 'a' });
const destination = {
  type: 'file',
  config: { consent: { marketing: true } },
  push: (event) => {
    out.write(JSON.stringify(event) + '\n');
  },
};

const translate = (event) => ({
  name: event.event === 'view_item' ? 'product view' : event.event.replaceAll('_', ' '),
  id: event.event_id,
  data: { ...event.ecommerce.items[0], ...event.client, title: event.page.title },
  source: { type: 'server', id: event.page.url },
  consent: { marketing: event.consent.ad_storage === 'granted' },
});

/** A source of the collector: each request has a scope of its own. */
const httpSource = async (context) => {
  const app = express();
  app.disable('x-powered-by');
  app.use((_request, response, next) => {
    response.setHeader('X-Content-Type-Options', 'nosniff');
    next();
  });
  app.use(cors());
  const parser = express.json({ limit: '1mb', type: ['application/json', 'text/plain'] });
  app.post('/e', parser, async (request, response) => {
    const respond = createRespond(({ status = 200, body }) => response.status(status).json(body));
    await context.withScope({ method: request.method, headers: request.headers }, respond, async (env) => {
      for (const event of request.body.events) await env.push(translate(event));
      respond({ body: { success: true, timestamp: Date.now() } });
    });
  });
  app.listen(Number(port), '127.0.0.1');
  return { type: 'express', config: context.config, push: async () => undefined };
};

const { collector } = await startFlow({
  consent: { marketing: true },
  destinations: { file: { code: destination, config: destination.config } },
  ...(front === 'express' && { sources: { http: { code: httpSource, config: {} } } }),
});

if (front === 'bare') {
  createServer((request, response) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', async () => {
      const { events } = JSON.parse(Buffer.concat(parts).toString());
      for (const event of events) await collector.push(translate(event));
      response.writeHead(204).end();
    });
  }).listen(Number(port), '127.0.0.1');
}
