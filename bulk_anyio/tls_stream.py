"""TLS on any byte stream, from the end of the handshake on.

anyio's own TLS stream asks its session twice for each read, and is told by an exception that there is nothing
yet. The server may end such a stream with or without a word of TLS, since messages have ends of their own.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSAttribute, TLSStream

from .push_stream import PushStream

Line = TypeVar("Line", bound=ByteStream)

_RECORD_SIZE = 16384  # bytes that are encrypted in one piece, at most (RFC 8446 section 5.1)


class TlsStream(ByteStream, Generic[Line]):
    """What a handshake has made of ``line``: ``secured``, which passes its bytes through two buffers."""

    def __init__(
        self, secured: TLSStream, line: Line, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
    ) -> None:
        self._secured = secured
        self._line = line
        self._incoming = incoming
        self._outgoing = outgoing
        self._session = secured.extra(TLSAttribute.ssl_object)
        self._unread = b""
        self._at_end = False
        self._spoilt: ssl.SSLError | None = None  # why nothing more can be read
        self._sending = anyio.Lock(fast_acquire=True)  # TLS has answers of its own to give

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return self._secured.extra_attributes

    async def receive(self, max_bytes: int = 65536) -> bytes:
        while True:
            plain = self._unread or self._decrypted()
            if self._outgoing.pending:
                await self._send_encrypted()
            if plain:
                self._unread = plain[max_bytes:]
                return plain[:max_bytes]
            if self._at_end:
                raise anyio.EndOfStream
            try:
                self._incoming.write(await self._line.receive())
            except anyio.EndOfStream:
                self._incoming.write_eof()

    async def send(self, item: bytes) -> None:
        self._session.write(item)
        await self._send_encrypted()

    async def _send_encrypted(self) -> None:
        async with self._sending:
            await self._line.send(self._outgoing.read())

    async def send_eof(self) -> None:
        await self._secured.send_eof()

    async def aclose(self) -> None:
        await self._line.aclose()

    def _decrypted(self) -> bytes:
        """All that can be read of what has arrived; the time after, ``ssl.SSLError`` for what is not TLS."""
        if self._spoilt is not None:
            raise self._spoilt
        parts: list[bytes] = []
        while self._incoming.pending or self._incoming.eof:
            try:
                part = self._session.read(_RECORD_SIZE)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLEOFError:
                part = b""
            except ssl.SSLError as fault:
                if not parts:
                    raise
                self._spoilt = fault
                break
            if not part:
                self._at_end = True
                break
            parts.append(part)
        return b"".join(parts)


class TlsPushStream(TlsStream[PushStream], PushStream):
    """The same on a stream that pushes: decrypted on the way to the taker, encrypted on the way out."""

    _fault: ssl.SSLError | None = None

    @property
    def ready(self) -> bool:
        return self._line.ready and self._fault is None

    async def push(self, take: Callable[[bytes], None]) -> None:
        def arrived(data: bytes) -> None:
            self._incoming.write(data) if data else self._incoming.write_eof()
            hand_over()

        def hand_over() -> None:
            plain, self._unread = self._unread + self._decrypted(), b""
            if self._outgoing.pending:
                self._line.write(self._outgoing.read())
            if plain:
                take(plain)
            if self._spoilt is not None:
                raise self._spoilt
            if self._at_end:
                raise anyio.EndOfStream

        try:
            hand_over()  # what came with the end of the handshake
            await self._line.push(arrived)
        except anyio.EndOfStream:
            take(b"")

    def write(self, data: bytes) -> None:
        try:
            self._session.write(data)
        except ssl.SSLError as fault:  # it must hear something first, or is done for: flush() tells
            self._fault = fault
        else:
            self._line.write(self._outgoing.read())

    async def flush(self) -> None:
        if self._fault is not None:
            raise self._fault
        await self._line.flush()

    async def send(self, item: bytes) -> None:
        self.write(item)
        await self.flush()
