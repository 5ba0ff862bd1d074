import pytest

from serendip.errors import UserError
from serendip.metrics.name import Metric, parse, parse_all


def test_names_read_and_write_alike() -> None:
    assert parse("recall@20") == Metric("recall", 20)
    assert parse(" NDCG@5 ") == Metric("ndcg", 5)
    assert parse("rmse") == Metric("rmse")
    assert [str(parse(s)) for s in ("recall@20", "rmse", "popularity_lift@10")] == [
        "recall@20",
        "rmse",
        "popularity_lift@10",
    ]


def test_direction_says_what_is_better() -> None:
    assert [parse(s).direction for s in ("ndcg@10", "rmse", "popularity_lift@10")] == [1, -1, 0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("recal@20", "unknown metric 'recal@20'; did you mean 'recall'?"),
        ("", "unknown metric ''"),
        ("recall", "needs a cutoff: write, for example, 'recall@10'"),
        ("rmse@10", "takes no cutoff: write 'rmse'"),
        ("recall@", "whole number of at least 1"),
        ("recall@0", "whole number of at least 1"),
        ("recall@2.5", "whole number of at least 1"),
        ("recall@\u00b2", "whole number of at least 1"),
    ],
)
def test_a_bad_name_gets_one_clear_sentence(text: str, says: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text)
    assert says in str(caught.value)


def test_a_list_keeps_order_and_names_each_once() -> None:
    assert parse_all("ndcg@5, rmse,ndcg@5,") == (Metric("ndcg", 5), Metric("rmse"))
    with pytest.raises(UserError, match="no metric was named"):
        parse_all(" , ")
