"""Stand-ins for the CMPs' public interfaces, as far as the tag's adapters use them.

Each script defines ``choose(names)``: the visitor saves a choice that gives the named categories and refuses the rest.
"""

from __future__ import annotations

from typing import NamedTuple


class Cmp(NamedTuple):
    """``source`` is the name in `Tag.consent_source`; ``statistics`` and ``marketing`` are its names for those."""

    source: str
    statistics: str
    marketing: str
    kind: str | None
    script: str


_ONETRUST = """
window.OnetrustActiveGroups = ',C0001,';
let closed = false;
window.OneTrust = {
  IsAlertBoxClosed: () => closed,
  GetDomainData: () => ({ConsentModel: {Name: window.model || 'opt-in'}}),
};
window.choose = names => {
  closed = true;
  OnetrustActiveGroups = [,'C0001',...names,].join(',') + ',';
  window.dispatchEvent(new CustomEvent('OneTrustGroupsUpdated', {detail: ['C0001', ...names]}));
};
"""

_COOKIEBOT = """
window.Cookiebot = {
  hasResponse: false,
  consent: {necessary: true, preferences: false, statistics: false, marketing: false, method: null, stamp: '0'},
};
window.choose = names => {
  Cookiebot.hasResponse = true;
  Cookiebot.consent.method = 'explicit';
  for (const name of ['preferences', 'statistics', 'marketing']) Cookiebot.consent[name] = names.includes(name);
  window.dispatchEvent(new Event(names.length ? 'CookiebotOnAccept' : 'CookiebotOnDecline'));
};
"""

_USERCENTRICS_3 = """
let given = [], type = 'IMPLICIT';
window.required = true;
window.__ucCmp = {
  getConsentDetails: async () => ({
    consent: {type, required: window.required, status: 'SOME_DENIED'},
    categories: Object.fromEntries(['functional', 'marketing'].map(
      name => [name, {state: given.includes(name) || !window.required ? 'ALL_ACCEPTED' : 'ALL_DENIED'}])),
    services: {},
  }),
};
window.choose = names => { given = names; type = 'EXPLICIT'; window.dispatchEvent(new CustomEvent('UC_UI_CMP_EVENT')); };
"""

_USERCENTRICS_2 = """
let given = [], answered = false;
window.UC_UI = {
  isInitialized: () => true,
  isConsentRequired: () => !answered,
  getServicesBaseInfo: () => [
    {id: 'a', categorySlug: 'marketing', consent: {status: given.includes('marketing')}},
    {id: 'b', categorySlug: 'marketing', consent: {status: answered && !window.partly && given.includes('marketing')}},
    {id: 'c', categorySlug: 'functional', consent: {status: given.includes('functional')}},
  ],
};
window.choose = names => { given = names; answered = true; window.dispatchEvent(new CustomEvent('UC_UI_CMP_EVENT')); };
"""

_DIDOMI = """
let given = [], asked = true;
window.Didomi = {
  shouldUserStatusBeCollected: () => asked,
  getCurrentUserStatus: () => ({
    regulation: 'gdpr',
    purposes: Object.fromEntries(['measure', 'ads'].map(id => [id, {id, enabled: given.includes(id)}])),
  }),
};
for (const ready of window.didomiOnReady || []) ready(Didomi);
window.didomiOnReady = {push: ready => ready(Didomi)};
window.choose = names => {
  given = names;
  asked = false;
  for (const one of window.didomiEventListeners) if (one.event == 'consent.changed') one.listener({});
};
"""

_KLARO = """
const watchers = new Set();
const manager = {
  confirmed: false,
  consents: {matomo: true, adverts: true},
  savedConsents: {matomo: false, adverts: false},
  watch: watcher => watchers.add(watcher),
};
window.klaro = {getManager: () => manager};
window.choose = names => {
  manager.consents = {matomo: names.includes('matomo'), adverts: names.includes('adverts')};
  for (const watcher of watchers) watcher.update(manager, 'consents', manager.consents);
  manager.confirmed = true;
  manager.savedConsents = {...manager.consents};
  for (const watcher of watchers) watcher.update(manager, 'saveConsents', {});
};
"""

_CONSENTMANAGER = """
let given = [], chosen = false;
const listeners = [];
window.__cmp = (command, parameter) => {
  if (command == 'addEventListener') listeners.push(parameter);
  if (command == 'getCMPData') {
    return {
      userChoiceExists: chosen, consentExists: true,
      purposeConsents: Object.fromEntries(['s1', 's2'].map(id => [id, given.includes(id)])),
    };
  }
};
window.choose = names => {
  given = names;
  chosen = true;
  for (const [event, listener] of listeners) if (event == 'consent') listener('consent', {});
};
"""

_OSANO = """
let saved;
const listeners = {};
window.Osano = {cm: {
  getConsent: () => saved || {ESSENTIAL: 'ACCEPT', ANALYTICS: 'DENY', MARKETING: 'DENY'},
  addEventListener: (name, listener) => {
    (listeners[name] = listeners[name] || []).push(listener);
    if (name == 'osano-cm-initialized') listener(saved);
  },
}};
window.choose = names => {
  saved = {ESSENTIAL: 'ACCEPT'};
  for (const name of ['ANALYTICS', 'MARKETING']) saved[name] = names.includes(name) ? 'ACCEPT' : 'DENY';
  for (const listener of listeners['osano-cm-consent-saved'] || []) listener(saved);
};
"""

_TARTEAUCITRON = """
window.tarteaucitron = {state: {matomo: 'wait', adverts: 'wait'}};
document.dispatchEvent(new Event('tac.root_available'));
window.choose = names => {
  for (const key of ['matomo', 'adverts']) tarteaucitron.state[key] = names.includes(key);
  document.dispatchEvent(new Event('tac.consent_updated'));
};
"""

_COOKIECONSENT = """
let categories;
window.CookieConsent = {
  validConsent: () => !!categories,
  getUserPreferences: () => ({acceptedCategories: categories || []}),
  acceptedCategory: name => window.mode == 'opt-out' || !!categories && categories.includes(name),
  getConfig: name => name == 'mode' ? window.mode || 'opt-in' : undefined,
};
window.choose = names => {
  const first = !categories;
  categories = ['necessary', ...names];
  const detail = {cookie: {categories}};
  window.dispatchEvent(new CustomEvent(first ? 'cc:onFirstConsent' : 'cc:onChange', {detail}));
};
"""

_COOKIECONSENT_MODULE = """
window.choose = names => window.dispatchEvent(
  new CustomEvent('cc:onConsent', {detail: {cookie: {categories: ['necessary', ...names]}}}));
"""

CMPS = {
    "onetrust": Cmp("onetrust", "C0002", "C0004", "explicit", _ONETRUST),
    "cookiebot": Cmp("cookiebot", "statistics", "marketing", "explicit", _COOKIEBOT),
    "usercentrics v3": Cmp("usercentrics", "functional", "marketing", "explicit", _USERCENTRICS_3),
    "usercentrics v2": Cmp("usercentrics", "functional", "marketing", None, _USERCENTRICS_2),
    "didomi": Cmp("didomi", "measure", "ads", None, _DIDOMI),
    "klaro": Cmp("klaro", "matomo", "adverts", "explicit", _KLARO),
    "consentmanager": Cmp("consentmanager", "s1", "s2", "explicit", _CONSENTMANAGER),
    "osano": Cmp("osano", "ANALYTICS", "MARKETING", None, _OSANO),
    "tarteaucitron": Cmp("tarteaucitron", "matomo", "adverts", None, _TARTEAUCITRON),
    "cookieconsent": Cmp("cookieconsent", "statistics", "marketing", "explicit", _COOKIECONSENT),
    "cookieconsent as a module": Cmp("cookieconsent", "statistics", "marketing", "explicit", _COOKIECONSENT_MODULE),
}
