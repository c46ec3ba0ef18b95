"""Annotation files in JSON: what is wrong with one is a sentence that names it."""

import json
from pathlib import Path
from typing import Any

from hrpose.errors import UserError


def read_json(path: str) -> Any:
    """Return a JSON file's content; a file that is no JSON is a `UserError` naming the place."""
    try:
        return json.loads(Path(path).read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f'{path} is no valid JSON: {error}') from error
    except OSError as error:
        raise UserError(f'{path} cannot be read: {error.strerror}') from error


def read_coco_json(path: str) -> dict[str, Any]:
    """Return a COCO file's content, checked to be a mapping that lists images."""
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get('images'), list):
        raise UserError(f"{path} is no COCO key point file: it needs 'images', 'annotations' and 'categories' lists")
    return content
