// The reference decoders behind a line protocol, so that a million strings go through one process.
// In: "t" or "g", a tab, a string. Out, in order: one JSON line, {"facts": …} or {"error": …}.
import { createInterface } from "node:readline";
import { TCString } from "@iabtechlabtcf/core";
import { GppModel } from "@iabgpp/cmpapi";

/** Ids as ascending runs [first, last], however they were encoded. */
function runs(ids) {
  const out = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const last = out[out.length - 1];
    if (last && last[1] === id - 1) last[1] = id;
    else if (!last || last[1] !== id) out.push([id, id]);
  }
  return out;
}

const vector = (value) => runs(value.set_);

function restrictions(value) {
  const out = {};
  for (const one of value.getRestrictions()) {
    out[`${one.purposeId}-${one.restrictionType}`] = runs(value.getVendors(one));
  }
  return out;
}

function tcf(text) {
  const model = TCString.decode(text);
  return {
    version: model.version,
    created: model.created.getTime(),
    updated: model.lastUpdated.getTime(),
    cmp_id: model.cmpId,
    cmp_version: model.cmpVersion,
    screen: model.consentScreen,
    language: model.consentLanguage,
    list_version: model.vendorListVersion,
    policy: model.policyVersion,
    specific: model.isServiceSpecific,
    texts: model.useNonStandardTexts,
    features: vector(model.specialFeatureOptins),
    purposes: vector(model.purposeConsents),
    purposes_li: vector(model.purposeLegitimateInterests),
    one_treatment: model.purposeOneTreatment,
    country: model.publisherCountryCode,
    vendors: vector(model.vendorConsents),
    vendors_li: vector(model.vendorLegitimateInterests),
    restrictions: restrictions(model.publisherRestrictions),
    disclosed: vector(model.vendorsDisclosed),
    publisher: [
      vector(model.publisherConsents),
      vector(model.publisherLegitimateInterests),
      Number(model.numCustomPurposes),
      vector(model.publisherCustomConsents),
      vector(model.publisherCustomLegitimateInterests),
    ],
  };
}

function gpp(text) {
  const model = new GppModel(text);
  const sections = {};
  for (const id of model.getSectionIds()) {
    const name = NAMES[id];
    sections[name ?? String(id)] = name ? model.getSection(name) : null;
  }
  return { ids: model.getSectionIds(), sections };
}

const NAMES = {
  2: "tcfeuv2", 5: "tcfcav1", 6: "uspv1", 7: "usnat", 8: "usca", 9: "usva", 10: "usco", 11: "usut", 12: "usct",
  13: "usfl", 14: "usmt", 15: "usor", 16: "ustx", 17: "usde", 18: "usia", 19: "usne", 20: "usnh", 21: "usnj",
  22: "ustn", 23: "usmn", 24: "usmd", 25: "usin", 26: "usky", 27: "usri",
};

function answer(line) {
  const text = line.slice(2);
  try {
    return JSON.stringify({ facts: line[0] === "t" ? tcf(text) : gpp(text) });
  } catch (error) {
    return JSON.stringify({ error: String(error?.message ?? error).slice(0, 120) });
  }
}

if (process.argv[2] === "--time") {
  // One JSON list of [kind, strings, rounds] on standard input; microseconds a string on standard output.
  let given = "";
  for await (const part of process.stdin) given += part;
  const out = [];
  for (const [kind, texts, rounds] of JSON.parse(given)) {
    const decode = kind === "t" ? (text) => TCString.decode(text) : gpp;
    for (let warm = 0; warm < 200; warm++) decode(texts[warm % texts.length]);
    const begin = process.cpuUsage();
    for (let round = 0; round < rounds; round++) for (const text of texts) decode(text);
    const used = process.cpuUsage(begin);
    out.push((used.user + used.system) / rounds / texts.length);
  }
  process.stdout.write(JSON.stringify(out) + "\n");
} else {
  for await (const line of createInterface({ input: process.stdin })) process.stdout.write(answer(line) + "\n");
}
