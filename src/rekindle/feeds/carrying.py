"""One attempt of one delivery: the file, or the notice of it, by the way that the document names."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from rekindle.egress.answers import retry_after_ms
from rekindle.egress.connector import Limits, OutRequest, SettingsError
from rekindle.egress.ftps import FtpServer, upload_ftps
from rekindle.egress.http import Transport, TransportFailed
from rekindle.egress.parcel import Parcel
from rekindle.egress.reach import Reach, TransferFailed, TransferRefused
from rekindle.egress.request import encode
from rekindle.egress.signing import signed_headers, signers
from rekindle.feeds.outlets import Outlet
from rekindle.model.clock import Clock, rfc3339
from rekindle.workspace import Delivery, duration_ms

_NOTICE: Final = Limits(batch=1, timeout_ms=15_000, answer_bytes=4_096)
_BROKEN: Final = frozenset({400, 401, 403, 404, 405, 410, 413, 422})


class Notice(msgspec.Struct, frozen=True):
    """What a webhook is told of a version: its id, the same however often it is sent, and the facts."""

    id: str
    data: Mapping[str, Any]


class Carrier:
    """Takes files and notices out, each attempt bounded by the delivery's ``timeout``.

    ``reach`` says which addresses are allowed, ``context`` whom to trust over FTPS (default: the system's authorities).
    """

    def __init__(self, transport: Transport, reach: Reach, clock: Clock, context: ssl.SSLContext | None = None) -> None:
        self._transport, self._reach, self._clock, self._context = transport, reach, clock, context

    async def carry(
        self, delivery: Delivery, outlet: Outlet, secrets: Mapping[str, str], parcel: Parcel, notice: Notice
    ) -> str:
        """Carry it there; return what the other side said. Raises `TransferRefused` and `TransferFailed`."""
        limit_ms = duration_ms(delivery.timeout)
        try:
            async with asyncio.timeout(limit_ms / 1000):
                return await self._by_kind[delivery.kind](self, delivery, outlet, secrets, parcel, notice)
        except TimeoutError:
            raise TransferFailed(f"took longer than timeout = {delivery.timeout!r}") from None

    async def _sftp(
        self, delivery: Delivery, outlet: Outlet, secrets: Mapping[str, str], parcel: Parcel, _notice: Notice
    ) -> str:
        try:
            from rekindle.egress.sftp import SftpServer, open_sftp
        except ImportError:
            raise TransferRefused("SFTP needs a library that is not installed; install rekindle[sftp]") from None
        server = SftpServer(
            host=outlet.host, port=outlet.port, user=outlet.user, host_keys=delivery.host_key,
            password=secrets.get("password"), private_key=secrets.get("private_key"),
            passphrase=secrets.get("passphrase"),
        )  # fmt: skip
        async with open_sftp(server, self._reach) as session:
            await session.upload(outlet.path, parcel, direct=delivery.direct)
        return ""

    async def _ftps(
        self, delivery: Delivery, outlet: Outlet, secrets: Mapping[str, str], parcel: Parcel, _notice: Notice
    ) -> str:
        server = FtpServer(
            host=outlet.host, port=outlet.port, user=outlet.user, password=secrets["password"],
            insecure=delivery.insecure,
        )  # fmt: skip
        await upload_ftps(server, outlet.path, parcel, self._reach, direct=delivery.direct, context=self._context)
        return ""

    async def _s3(
        self, _delivery: Delivery, outlet: Outlet, secrets: Mapping[str, str], parcel: Parcel, _notice: Notice
    ) -> str:
        try:
            from rekindle.egress.s3 import S3Account, upload_s3
        except ImportError:
            raise TransferRefused("S3 needs a library that is not installed; install rekindle[s3]") from None
        account = S3Account(
            bucket=outlet.bucket, endpoint=outlet.endpoint, region=outlet.region, host=outlet.host, port=outlet.port,
            access_key_id=secrets["access_key_id"], secret_access_key=secrets["secret_access_key"],
        )  # fmt: skip
        await upload_s3(account, outlet.path, parcel, self._reach)
        return ""

    async def _webhook(
        self, _delivery: Delivery, outlet: Outlet, secrets: Mapping[str, str], _parcel: Parcel, notice: Notice
    ) -> str:
        now = self._clock()
        body = encode({"type": "feed.published", "timestamp": rfc3339(now), "data": notice.data})
        try:
            headers = signed_headers(signers(secrets), notice.id, now, body)
        except SettingsError as error:
            raise TransferRefused(str(error)) from None
        try:
            answer = await self._transport.send(OutRequest("POST", outlet.url, headers, body, ()), _NOTICE)
        except TransportFailed as error:
            raise TransferFailed(f"https://{outlet.host}: {error}") from None
        if 200 <= answer.status < 300:
            return f"HTTP {answer.status}"
        said = f"https://{outlet.host}: answered with HTTP {answer.status}"
        if answer.status in _BROKEN or 300 <= answer.status < 400:
            raise TransferRefused(f"{said}; repair the address or what answers there")
        raise TransferFailed(said, retry_after_ms(answer))

    _by_kind: Final = {"sftp": _sftp, "ftps": _ftps, "s3": _s3, "webhook": _webhook}
