"""What is asked of Shopify's Admin API (GraphQL, 2026-01 and later)."""

from __future__ import annotations

from typing import Final

_PRODUCT: Final = (
    "id handle title descriptionHtml vendor productType tags status publishedAt onlineStoreUrl "
    "featuredMedia { preview { image { url } } }"
)
_VARIANT: Final = (
    "id title sku barcode price compareAtPrice availableForSale inventoryQuantity inventoryPolicy "
    "selectedOptions { name value } image { url }"
)
_MEDIA: Final = "... on MediaImage { id image { url } }"

SHOP: Final = "{ shop { id currencyCode } }"

_EVERYTHING: Final = (
    f"{{ products {{ edges {{ node {{ {_PRODUCT} "
    f"media {{ edges {{ node {{ {_MEDIA} }} }} }} variants {{ edges {{ node {{ {_VARIANT} }} }} }} }} }} }} }}"
)
START: Final = (
    f'mutation {{ bulkOperationRunQuery(query: """{_EVERYTHING}""") '
    "{ bulkOperation { id status } userErrors { code message } } }"
)
POLL: Final = "query($id: ID!) { bulkOperation(id: $id) { id status errorCode objectCount url } }"

CHANGED: Final = (
    "query($after: String, $query: String!) { products(first: 250, after: $after, query: $query, sortKey: ID) "
    "{ nodes { id } pageInfo { hasNextPage endCursor } } }"
)
ITEM: Final = "query($id: ID!) { inventoryItem(id: $id) { variant { product { id } } } }"
ONE: Final = (
    f"query($id: ID!, $after: String) {{ product(id: $id) {{ {_PRODUCT} media(first: 50) {{ nodes {{ {_MEDIA} }} }} "
    f"variants(first: 100, after: $after) {{ nodes {{ {_VARIANT} }} pageInfo {{ hasNextPage endCursor }} }} }} }}"
)
