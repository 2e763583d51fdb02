"""Token counts with tiktoken, from the vocabulary that ships with the package: no network, no cache."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken

_VOCABULARY = "cl100k_base.tiktoken"
_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
"""tiktoken's own pinned hash of the file: what ships is what the library would download."""
_PATTERN = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"


@cache
def _encoding() -> tiktoken.Encoding:
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe

    with resources.as_file(resources.files("planagent") / "vocabulary" / _VOCABULARY) as path:
        ranks = load_tiktoken_bpe(str(path), expected_hash=_SHA256)
    return tiktoken.Encoding("cl100k_base", pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens={})


def bound(text: str) -> int:
    """More tokens than a text has, in practice, without loading the vocabulary: its bytes by three."""
    return len(text.encode()) // 3 + 1


def count(text: str) -> int:
    """Tokens of a text in cl100k; other vocabularies differ by a tenth or so, which the budgets allow for."""
    return len(_encoding().encode_ordinary(text))
