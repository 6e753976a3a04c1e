"""The documents of a workspace: what one shop has configured, as typed structs with closed fields.

Each struct is one TOML document of `docs/configuration.md`. Durations are text such as ``30m``, ``14d``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Duration = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]*(s|m|h|d)$")]
CurrencyCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
CountryCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$")]

_UNITS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def duration_ms(text: str) -> int:
    """Return a `Duration` in milliseconds."""
    return int(text[:-1]) * _UNITS[text[-1]]


class Document(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Base of all documents: an unknown key is an error, because a misspelt one would be a silent default."""


class Shop(Document):
    """``shop.toml``. ``origins`` are the pages' origins (scheme, host, port) that may send events to ``/e``."""

    name: Name
    title: str
    origins: list[str]
    country: CountryCode
    currency: CurrencyCode
    language: str = "en"
    cookie_domain: str | None = None
    cookie_days: Annotated[int, msgspec.Meta(ge=1, le=395)] = 180


class Source(Document):
    """One ``[[source]]`` of ``catalog.toml``. ``kind`` is a source's folder name, or ``auto`` to look at the content.

    ``location`` is a file or an address; sources behind an account need none, their ``options`` say where it is.
    ``columns`` maps product fields to the columns of a generic table; ``options`` is for the source's own settings.
    """

    name: Name
    location: str = ""
    kind: str = "auto"
    every: Duration = "1h"
    currency: CurrencyCode | None = None
    link_base: str | None = None
    columns: dict[str, str] = msgspec.field(default_factory=dict)
    options: dict[str, Any] = msgspec.field(default_factory=dict)


class Catalog(Document):
    """``catalog.toml``."""

    source: list[Source] = msgspec.field(default_factory=list)


class FeedExample(Document, rename={"given": "in"}):
    """A rule's own test: names and values that go in, and what must come out (``excluded`` for an exclusion)."""

    given: dict[str, str]
    out: str = ""


class FeedRule(Document):
    """One ``[[rule]]`` of a feed, applied in order. ``do`` names the operation; docs/feeds.md tells its keys."""

    do: Literal[
        "set",
        "template",
        "replace",
        "lookup",
        "exclude",
        "default",
        "if",
        "calculate",
        "split",
        "join",
        "category",
        "market",
        "case",
        "pad",
    ]
    attribute: str | None = None
    value: str | None = None
    when: str | None = None
    find: str | None = None
    table: dict[str, str] = msgspec.field(default_factory=dict)
    otherwise: str | None = None
    part: int | None = None
    names: list[str] = msgspec.field(default_factory=list)
    currency: CurrencyCode | None = None
    example: list[FeedExample] = msgspec.field(default_factory=list)


class FeedTemplate(Document):
    """``[template]`` of a feed: a file of your own. ``field`` is name in the file = text with ``{product fields}``.

    ``id`` is the field that holds the item's id; ``root`` and ``item`` are the elements of an XML file.
    """

    field: dict[str, str]
    id: str = "id"
    required: list[str] = msgspec.field(default_factory=list)
    repeated: list[str] = msgspec.field(default_factory=list)
    root: str = "items"
    item: str = "item"


class SecretName(Document):
    """The name under which a secret is stored: ``{ secret = "its_name" }``. The secret itself is never written."""

    secret: str


class Delivery(Document):
    """One ``[[delivery]]`` of a feed: where its file is taken to, and when.

    ``kind`` and ``location``: ``sftp`` and ``ftps`` (``sftp://user@host/folder/file.xml``; ``/~/`` begins in the
    account's own folder, and a location that ends in ``/`` gets the feed's name), ``s3``
    (``s3://bucket/key?endpoint=https://host&region=eu-central-1``), ``webhook`` (``https://…``, told of each version).

    Without ``every`` and ``at`` each version is taken there as it is published. ``every`` counts from midnight UTC,
    ``at`` are times of day (``06:00``) in ``timezone``; up to ``jitter`` is added by chance. The same version is not
    taken there twice, unless it arrived longer than ``refresh`` ago. What did not arrive within ``late_after`` alarms.

    ``host_key`` pins the server's key (SFTP): ``SHA256:…`` or a public key. ``direct`` writes the file under its own
    name at once, for servers on which nothing can be renamed. ``insecure`` allows FTP without encryption. ``deltas``
    takes what changed since the version that arrived last there too, beside the full file.
    """

    name: Name
    kind: Literal["sftp", "ftps", "s3", "webhook"]
    location: str
    compression: Literal["none", "gzip"] = "none"
    every: Duration | None = None
    at: list[TimeOfDay] = msgspec.field(default_factory=list)
    timezone: str = "UTC"
    jitter: Duration | None = None
    refresh: Duration | None = None
    late_after: Duration = "2h"
    timeout: Duration = "30m"
    enabled: bool = True
    host_key: list[str] = msgspec.field(default_factory=list)
    direct: bool = False
    insecure: bool = False
    deltas: bool = False
    password: SecretName | None = None
    private_key: SecretName | None = None
    passphrase: SecretName | None = None
    access_key_id: SecretName | None = None
    secret_access_key: SecretName | None = None
    secret: SecretName | None = None
    previous_secret: SecretName | None = None

    @property
    def secrets(self) -> dict[str, str]:
        """The names of the secrets that it uses, by key."""
        found = {key: getattr(self, key) for key in _DELIVERY_SECRETS}
        return {key: value.secret for key, value in found.items() if value is not None}


_DELIVERY_SECRETS = (
    "password", "private_key", "passphrase", "access_key_id", "secret_access_key", "secret", "previous_secret",
)  # fmt: skip


class FeedPush(Document):
    """``[push]`` of a feed: its items go to the channel's platform by API, each change as it is published.

    A push that would remove more than ``max_removals`` of the items that the platform has waits for a person's
    approval. ``refresh``: an item that did not change is sent again after so long, before the platform forgets it; left
    out, it is what the platform needs. ``settings`` belong to the platform; secrets are named there, never written.
    """

    enabled: bool = True
    max_removals: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.3
    refresh: Duration | None = None
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


class Feed(Document):
    """``feeds/<name>.toml``: one published file. ``channel`` is a channel's folder name.

    A version is held when more than ``max_shrink`` of the items are gone, or the price of more than
    ``max_price_shock`` of them moved by half or more.

    ``performance`` is how far back rules look when they ask what visitors did (``performance.views``).

    ``fresh_within`` is how old price and stock at the channel may be before it alarms.

    ``format`` is one of the channel's (``tsv``), where it has several; ``template`` is for the channel ``template``.
    """

    channel: str
    format: str | None = None
    template: FeedTemplate | None = None
    rule: list[FeedRule] = msgspec.field(default_factory=list)
    max_price_shock: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.2
    max_shrink: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.3
    token: str | None = None
    keep_versions: Annotated[int, msgspec.Meta(ge=2)] = 20
    performance: Duration = "30d"
    delivery: list[Delivery] = msgspec.field(default_factory=list)
    fresh_within: Duration = "1d"
    push: FeedPush | None = None


class DestinationConsent(Document):
    """How the people's choice is read for this destination; there is no default mapping.

    ``tcf_vendor`` is the IAB vendor id; where the vendor is not on the list, leave it out and only consent mode
    (``consent_mode``, every named signal must be granted) or, with a TC string, Google's Additional Consent for
    ``ac_provider`` can allow a send. Without ``tcf_purposes`` a TC string must grant 1, 3 and 4.
    """

    consent_mode: list[Literal["ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"]]
    tcf_vendor: int | None = None
    tcf_purposes: list[int] = msgspec.field(default_factory=list)
    ac_provider: int | None = None


class Destination(Document):
    """``destinations/<name>.toml``: one account at one platform.

    ``settings`` belong to the connector, which checks them; secrets are named there, never written.
    ``feed`` is the feed whose ids this platform knows (the id contract). ``audience`` is the audience whose members a
    destination of that kind keeps at the platform.
    """

    kind: str
    consent: DestinationConsent
    events: list[str] = msgspec.field(default_factory=list)
    feed: Name | None = None
    audience: Name | None = None
    enabled: bool = True
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


class Audience(Document):
    """``audiences/<name>.toml``. ``within`` is the window of the rule, ``after`` the delay of an abandoned cart."""

    rule: Literal["viewed_not_bought", "cart_abandoned", "bought"]
    within: Duration
    after: Duration | None = None
    title: str | None = None


class Campaign(Document):
    """``campaigns/<name>.toml``: one ad placement."""

    placement: Name
    slots: Annotated[int, msgspec.Meta(ge=1, le=24)] = 4
    width: Annotated[int, msgspec.Meta(ge=88, le=2000)] = 300
    height: Annotated[int, msgspec.Meta(ge=31, le=2000)] = 250
    headline: str = ""
    fill: list[Literal["co_view", "popular"]] = msgspec.field(default_factory=lambda: ["co_view", "popular"])
    exclude_bought_within: Duration = "30d"


Signal = Literal["ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"]
ConsentSource = Literal[
    "consent_mode", "tcf", "gpp", "none",
    "consentmanager", "cookiebot", "cookieconsent", "didomi", "klaro", "onetrust", "osano", "tarteaucitron",
    "usercentrics",
]  # fmt: skip


class Tag(Document):
    """``tags/tag.toml``: how the browser tag behaves.

    ``consent_categories`` maps the names a CMP gives its categories to the consent-mode signals they stand for. There is
    no default: only the shop knows what its banner says.
    """

    data_layer: str = "dataLayer"
    wait_for_consent: Duration = "10m"
    batch_ms: Annotated[int, msgspec.Meta(ge=100, le=10_000)] = 2000
    consent_source: list[ConsentSource] = msgspec.field(default_factory=lambda: ["consent_mode", "tcf"])
    consent_categories: dict[str, list[Signal]] = msgspec.field(default_factory=dict)


class PolicyTest(Document):
    """One ``[[test]]`` of ``policy.toml``: what must come out for a consent. `rekindle plan` and `apply` run them.

    ``question`` is ``store``, ``personalise`` or the name of a destination; ``consent`` are the signals as the tag sends
    them; ``expect`` is ``ok`` or a reason code; ``at`` (RFC 3339, default now) is when it is asked.
    """

    name: str
    question: str
    expect: str
    consent: dict[str, Any] = msgspec.field(default_factory=dict)
    at: str | None = None


class Approval(Document):
    """``[approval]`` of ``policy.toml``: how many ``people`` it takes to change the policy, or a destination's consent.

    With 2, somebody else approves what one proposed. The first version needs nobody, and so does an installation with
    one console user who may publish: there is nobody to ask. What is live decides, so nobody lowers it alone.
    """

    people: Literal[1, 2] = 2


class Retention(Document):
    """``[retention]`` of ``policy.toml``: what goes sooner or later than the events. Default: with them (``keep_events``).

    ``identifiers``: what is sealed (personal); its keys are destroyed by whole calendar months, which erases it in the
    log, archives and backups too. ``consents``: each person's newest choice; without one nothing is sent. Neither
    outlives the events. ``archive``: the hourly files; the only copy that may be kept for longer than the log.
    """

    identifiers: Duration | None = None
    consents: Duration | None = None
    archive: Duration | None = None


class Controller(Document):
    """``[controller]`` of ``policy.toml``: who answers for the processing, in records and receipts (GDPR Art. 30)."""

    name: str = ""
    contact: str = ""
    data_protection_officer: str = ""
    privacy_notice: str = ""


class Policy(Document):
    """``policy.toml``: what the door and every send demand. The strictest reading is the default.

    ``store_with``: an event is stored when every one of these signals is granted (consent mode), or the TC string
    grants ``store_purposes`` to ``tcf_vendor`` (the shop's own vendor id, when it has one).
    """

    jurisdiction: Literal["gdpr", "ccpa"] = "gdpr"
    store_with: list[Literal["ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"]] = msgspec.field(
        default_factory=lambda: ["ad_storage"]
    )
    tcf_vendor: int | None = None
    store_purposes: list[int] = msgspec.field(default_factory=lambda: [1, 4])
    personalise_with: list[Literal["ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"]] = (
        msgspec.field(default_factory=lambda: ["ad_storage", "ad_personalization"])
    )
    keep_events: Duration = "90d"
    max_event_age: Duration = "7d"
    max_clock_skew: Duration = "10m"
    retention: Retention = msgspec.field(default_factory=Retention)
    controller: Controller = msgspec.field(default_factory=Controller)
    approval: Approval = msgspec.field(default_factory=Approval)
    test: list[PolicyTest] = msgspec.field(default_factory=list)


class Quality(Document):
    """``quality.toml``: how feeds are compared with what the tag saw on the pages, and when that alarms.

    ``keep_sightings`` is how long the counts by item and hour are kept. Price and stock are compared with what pages
    showed in the last ``drift_window``; a difference of up to ``tolerance`` of the price is none. ``max_drift`` is the
    share of compared items that may differ before it alarms. A check of landing pages visits those of ``page_sample``
    items, ``page_pause`` apart; what it found of an item is kept for ``keep_page_checks``.
    """

    keep_sightings: Duration = "7d"
    drift_window: Duration = "6h"
    tolerance: Annotated[float, msgspec.Meta(ge=0, le=0.5)] = 0.005
    max_drift: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.02
    page_sample: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 50
    page_pause: Duration = "1s"
    keep_page_checks: Duration = "30d"


class Workspace(Document):
    """Everything one shop has configured: the content of its folder."""

    shop: Shop
    catalog: Catalog = msgspec.field(default_factory=Catalog)
    policy: Policy = msgspec.field(default_factory=Policy)
    tag: Tag = msgspec.field(default_factory=Tag)
    quality: Quality = msgspec.field(default_factory=Quality)
    feeds: dict[str, Feed] = msgspec.field(default_factory=dict)
    destinations: dict[str, Destination] = msgspec.field(default_factory=dict)
    audiences: dict[str, Audience] = msgspec.field(default_factory=dict)
    campaigns: dict[str, Campaign] = msgspec.field(default_factory=dict)

    @property
    def name(self) -> str:
        """The workspace's id: the shop's name."""
        return self.shop.name
