"""Time stamps (RFC 3161): an authority elsewhere signs that it saw some bytes, and when.

`authorities` asks one, over HTTP or by a local openssl; `replies` verifies what it answered. Danger: an authority keeps
nothing, so a stamp helps only as long as somebody has it; and one whose key lies on our machine proves nothing
against us.
"""
