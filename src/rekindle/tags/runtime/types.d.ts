// Shapes that the runtime's files share. Only `tsc` reads this file; it is not shipped.

/** What the server compiles in: see `rekindle.tags.compile`. */
interface TagConfig {
  /** Workspace, sent as `w` where the script was asked for with `?w=`. */
  w: string;
  /** Name of the page's data layer. */
  dataLayer: string;
  /** Milliseconds that events wait in memory for a choice. */
  wait: number;
  /** Milliseconds from the first event of a batch to its sending. */
  batch: number;
  /** Where consent is read: "consent_mode", "tcf", "gpp", "none". */
  sources: string[];
  /** Consent-mode signals that must all be granted. */
  signals: string[];
  /** The shop's own TCF vendor id, 0 for none. */
  vendor: number;
  /** TCF purposes that vendor needs. */
  purposes: number[];
  /** True where the law asks for an opt-out, not for a choice beforehand. */
  optOut: boolean;
}

/** Everything the runtime takes from outside, so that a test can pass its own. */
interface TagEnv {
  now(): number;
  random(): number;
  uuid(): string;
  later(run: () => void, ms: number): unknown;
  fetch(url: string, init: RequestInit): Promise<Response>;
  beacon(url: string, body: string): boolean;
  storage(): Storage;
}

type Signal = "granted" | "denied";
type Bag = Record<string, any>;

interface CanonicalEvent extends Bag {
  event: string;
  event_id: string;
  event_time: string;
}

interface TCData {
  tcString?: string;
  gdprApplies?: boolean;
  eventStatus?: string;
  addtlConsent?: string;
  purpose?: { consents?: Record<number, boolean> };
  vendor?: { consents?: Record<number, boolean> };
}

interface GPPEvent {
  pingData?: { signalStatus?: string; gppString?: string };
}

/** The page, with what other scripts may have put on it. */
interface TagWindow extends Window {
  [name: string]: any;
}
