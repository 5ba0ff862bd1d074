"""Numbers with their nouns, as a sentence has them."""


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun, whose plural is `many`, else `one` with an s.

    >>> counted(1, "user"), counted(1234, "user"), counted(0, "row is", "rows are")
    ('1 user', '1,234 users', '0 rows are')
    """
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"
