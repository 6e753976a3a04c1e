"""Channels: the snapshot through rules and checks to a published, versioned file."""

from rekindle.feeds.access import signed
from rekindle.feeds.builder import FeedBuilder, NothingToBuild
from rekindle.feeds.categories import NoTaxonomy, ShopCategory, categories
from rekindle.feeds.categories import rule as category_rule
from rekindle.feeds.channel import UnknownChannel, channel, configured
from rekindle.feeds.comparing import Change, Difference, diff
from rekindle.feeds.conditions import ConditionError
from rekindle.feeds.deliveries import DeliveryStatus, delivery_status
from rekindle.feeds.delivering import Delivered, Deliverer, NothingToDeliver
from rekindle.feeds.delivery_schedule import DeliverySchedule
from rekindle.feeds.examples import failed_examples
from rekindle.feeds.explaining import Explanation, Step, UnknownItem, explain
from rekindle.feeds.findings import Finding
from rekindle.feeds.ids import PublishedIds
from rekindle.feeds.offline import Report, check_products, check_rows
from rekindle.feeds.outlets import delivery_problems
from rekindle.feeds.performance import recent, uses_performance
from rekindle.feeds.previewing import Preview, preview
from rekindle.feeds.program import compile_feed
from rekindle.feeds.pulls import Pulls
from rekindle.feeds.receipts import ARRIVED, PULL, Receipt, last_accepted, record
from rekindle.feeds.receipts import history as receipt_history
from rekindle.feeds.rules import RuleError
from rekindle.feeds.schedule import FeedSchedule
from rekindle.feeds.serving import FeedServer
from rekindle.feeds.spec import parse_spec
from rekindle.feeds.spec_change import Fact, SpecChange, spec_change
from rekindle.feeds.status import FeedStatus, findings, history, issues, live_version, status
from rekindle.feeds.straight import write
from rekindle.feeds.variants import Variants
from rekindle.feeds.versions import FeedVersion, UnknownVersion

__all__ = [
    "ARRIVED",
    "PULL",
    "Change",
    "ConditionError",
    "Delivered",
    "Deliverer",
    "DeliverySchedule",
    "DeliveryStatus",
    "Difference",
    "Explanation",
    "Fact",
    "FeedBuilder",
    "FeedSchedule",
    "FeedServer",
    "FeedStatus",
    "FeedVersion",
    "Finding",
    "NoTaxonomy",
    "NothingToBuild",
    "NothingToDeliver",
    "Preview",
    "PublishedIds",
    "Pulls",
    "Receipt",
    "Report",
    "RuleError",
    "ShopCategory",
    "SpecChange",
    "Step",
    "UnknownChannel",
    "UnknownItem",
    "UnknownVersion",
    "Variants",
    "categories",
    "category_rule",
    "channel",
    "check_products",
    "check_rows",
    "compile_feed",
    "configured",
    "delivery_problems",
    "delivery_status",
    "diff",
    "explain",
    "failed_examples",
    "findings",
    "history",
    "issues",
    "last_accepted",
    "live_version",
    "parse_spec",
    "preview",
    "receipt_history",
    "recent",
    "record",
    "signed",
    "spec_change",
    "status",
    "uses_performance",
    "write",
]
