"""Moving PNGs, made still: OpenCV 4.12 crashes the interpreter on damaged ones, and only their first picture counts."""

_START, _HEAD = b'\x89PNG\r\n\x1a\n', 12  # of the file; length, name and checksum of a chunk
_MOVING = (b'acTL', b'fcTL', b'fdAT')


def still_png(content: bytes) -> bytes:
    """Return a PNG without the chunks that make it move; anything else as it is."""
    if not content.startswith(_START) or b'acTL' not in content:
        return content
    kept, at = [_START], len(_START)
    while at + _HEAD <= len(content):
        end = at + _HEAD + int.from_bytes(content[at : at + 4], 'big')
        if content[at + 4 : at + 8] not in _MOVING:
            kept.append(content[at:end])
        at = end
    return b''.join(kept)
