from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planagent.reading.secrets import MASK, looks_real, mask

_RANDOM = random.Random(7)  # noqa: S311
VALUE = "".join(_RANDOM.choices(string.ascii_lowercase + string.digits, k=32))


@pytest.mark.parametrize(
    "line",
    [
        f"BETTER_AUTH_SECRET={VALUE}",
        f"export API_TOKEN={VALUE}",
        f"- JWT_SECRET: {VALUE}",
        f'secret: "{VALUE}"',
        f"DATABASE_URL=postgresql://owner:npg_{VALUE[:12]}@db.internal.example/app?sslmode=require",
    ],
)
def test_real_values_are_masked_and_counted(line: str) -> None:
    masked, lines = mask(f"# Environment\n{line}")
    assert MASK in masked
    assert VALUE not in masked
    assert VALUE[:12] not in masked
    assert lines == [2]


def test_the_account_and_host_of_a_leaked_address_go_with_it() -> None:
    masked, _ = mask(f"DB=postgresql://owner:{VALUE}@db.internal.example/app")
    assert "owner" not in masked
    assert "db.internal.example" not in masked
    assert masked.endswith("/app")


@pytest.mark.parametrize(
    "line",
    [
        "BETTER_AUTH_SECRET=your-secret-key",
        '"password": "password123"',
        "DATABASE_URL=postgresql://user:pass@host/db",
    ],
)
def test_demonstration_values_need_no_rotation(line: str) -> None:
    assert mask(line)[1] == []


@pytest.mark.parametrize(
    "line",
    [
        "JWT_SECRET_KEY=${BETTER_AUTH_SECRET}",
        "secret: process.env.BETTER_AUTH_SECRET",
        "- Password: Non-empty",
        "token: string",
    ],
)
def test_names_and_types_are_no_secrets(line: str) -> None:
    assert mask(line) == (line, [])


@given(st.text(max_size=300))
def test_masking_keeps_lines_and_is_idempotent(text: str) -> None:
    once, _ = mask(text)
    assert once.count("\n") == text.count("\n")
    assert mask(once)[0] == once


def test_words_do_not_look_real() -> None:
    assert looks_real(VALUE)
    assert not looks_real("correct-horse-battery")
    assert not looks_real("secret1234567890")


def test_secrets_are_masked_in_many_threads_at_once() -> None:
    """The detectors' settings belong to the whole process: unguarded, a thread looked for nothing."""
    from concurrent.futures import ThreadPoolExecutor

    from planagent.reading.secrets import MASK, mask

    text = "\n".join(f"AWS_KEY_{n} = AKIA{n:04d}QWERTYUIOPAS" for n in range(40))
    expected = mask(text)
    assert MASK in expected[0]
    with ThreadPoolExecutor(8) as pool:
        assert set(map(str, pool.map(lambda _: mask(text), range(40)))) == {str(expected)}
