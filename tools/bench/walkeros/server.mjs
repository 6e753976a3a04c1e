// The walkerOS collector behind Node's own HTTP server, with one destination that appends each event to a file.
// Like its own servers, it answers when the collector has passed the event on; nothing is synced to the disk.
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:http';
import { startFlow } from '@walkeros/collector';

const [port, file] = process.argv.slice(2);
const out = createWriteStream(file);
const destination = {
  type: 'file',
  config: { consent: { marketing: true } },
  push: (event) => {
    out.write(JSON.stringify(event) + '\n');
  },
};
const { collector } = await startFlow({
  consent: { marketing: true },
  destinations: { file: { code: destination, config: destination.config } },
});

const translate = (event) => ({
  name: event.event === 'view_item' ? 'product view' : event.event.replaceAll('_', ' '),
  id: event.event_id,
  data: { ...event.ecommerce.items[0], ...event.client, title: event.page.title },
  source: { type: 'server', id: event.page.url },
  consent: { marketing: event.consent.ad_storage === 'granted' },
});

createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    const { events } = JSON.parse(Buffer.concat(parts).toString());
    for (const event of events) await collector.push(translate(event));
    response.writeHead(204).end();
  });
}).listen(Number(port), '127.0.0.1');
