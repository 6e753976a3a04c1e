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
  /** Where consent is read: "consent_mode", "tcf", "gpp", "none", and names of adapters. */
  sources: string[];
  /** The consent-mode signals that each of the CMP's categories stands for. */
  categories: Record<string, string[]>;
  /** The adapters of the CMPs named in `sources`. */
  cmps: CmpAdapter[];
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

/** What a CMP says now: the names of the categories given, and how they were given where it tells. */
interface CmpChoice {
  given: string[];
  kind?: string;
}

/** How one CMP is asked. All of it may throw; then there is no answer. */
interface CmpAdapter {
  /** Events after which it is asked again. */
  events: string[];
  /** Register `again` with the CMP; false while it is not there. */
  hook?(w: TagWindow, again: () => void): boolean;
  /** Tell the choice, also later, or nothing while the visitor has none. `names` are the categories of interest. */
  read(w: TagWindow, tell: (choice?: CmpChoice) => void, names: string[], event?: Event): void;
}

interface GPPEvent {
  pingData?: { signalStatus?: string; gppString?: string };
}

/** The page, with what other scripts may have put on it. */
interface TagWindow extends Window {
  [name: string]: any;
}
