"""Files to a bucket of S3 or what speaks its protocol, by the client that blobs have.

An object is there whole or not at all, so nothing is renamed. The client resolves names itself: the address is checked
before, but not pinned to the connection as elsewhere.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from rekindle.egress.parcel import Parcel
from rekindle.egress.reach import Reach, TransferFailed, TransferRefused
from rekindle.engines.blobs.s3 import PART, S3Target, open_store

_HTTPS: Final = 443


class S3Account(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket with its own credentials: a shop never writes with those of the installation or its machine."""

    bucket: str
    endpoint: str
    region: str
    host: str
    port: int = _HTTPS
    access_key_id: str
    secret_access_key: str

    def __repr__(self) -> str:
        return f"S3Account({self.bucket})"


async def upload_s3(account: S3Account, key: str, parcel: Parcel, reach: Reach) -> None:
    """Put a file at ``key`` with its type, encoding and SHA-256. Raises `TransferRefused` and `TransferFailed`."""
    place = f"s3://{account.bucket}/{key}"
    await reach.addresses(account.host, account.port, place)
    # Named even where it is Amazon's own, or the environment's setting for the installation's bucket would count.
    endpoint = account.endpoint or f"https://{account.host}"
    target = S3Target(bucket=account.bucket, endpoint=endpoint, region=account.region)
    store = open_store(target, (account.access_key_id, account.secret_access_key))
    attributes: dict[str, Any] = {"Content-Type": parcel.content_type, "sha256": parcel.sha256}
    if parcel.content_encoding:
        attributes["Content-Encoding"] = parcel.content_encoding
    try:
        await obstore.put_async(store, key, parcel.path, attributes=attributes, chunk_size=PART, max_concurrency=2)
        size = (await obstore.head_async(store, key))["size"]
    except (PermissionDeniedError, UnauthenticatedError):
        raise TransferRefused(
            f"{place}: the key is not accepted, or may not write and read there; check both"
        ) from None
    except FileNotFoundError:
        raise TransferRefused(f"{place}: there is no such bucket; create it or name another") from None
    except BaseError as error:
        # The client's words hold addresses and the server's answer.
        raise TransferFailed(f"{place}: {type(error).__name__}; the transfer did not end well") from None
    if size != parcel.size:
        raise TransferFailed(f"{place}: {parcel.size} bytes were sent and {size} arrived")
