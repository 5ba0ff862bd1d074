"""What a wait looks like where no terminal is."""

from serendip.cli.progress import Bar


def test_a_rate_is_told_where_it_says_something(capsys):
    with Bar() as bar:
        for what, done in (("comparing algorithms", 1), ("reading rows", 2_000)):
            bar(what, 0, 10_000)
            bar.began[what] -= 100
            bar.said -= 100
            bar(what, done, 10_000)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("comparing algorithms: 1 of 10,000 (0%, ") and first.endswith(" s left)")
    assert second.startswith("reading rows: 2,000 of 10,000 (20%, ") and second.endswith(", 20 a second")
