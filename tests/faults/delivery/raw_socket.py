"""A socket opened by hand, for what no library would do with it."""

import asyncio
import base64

from tests.faults.delivery.clients import Seat

OPEN_S = 60.0


def upgrade_lines(seat: Seat, *, port: int) -> dict[str, str]:
    """Return the headers of the request that opens a socket."""
    return {
        "Host": f"localhost:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "onrecord.v1",
        "Origin": f"http://localhost:{port}",
        **seat.headers,
    }


async def open_raw(seat: Seat, *, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a socket and return the connection behind its handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "".join(f"{name}: {value}\r\n" for name, value in upgrade_lines(seat, port=port).items())
    writer.write(f"GET /ws HTTP/1.1\r\n{head}\r\n".encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), OPEN_S)
    assert answer.startswith(b"HTTP/1.1 101"), answer
    return reader, writer
