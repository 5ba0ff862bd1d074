"""A newcomer is served from the first click on, by a model that has never seen them and is not trained again."""

import serendip
from serendip.data.shop import simulate
from serendip.service.read import dataset


def main() -> None:
    data = dataset(simulate(seed=0, n_users=400, n_items=120, days=120).tables)
    popular = serendip.Popular().fit(data)
    model = serendip.Pipeline(serendip.ALS(rank=16).fit(data), popular)

    clicks: list[str] = []
    for _ in range(4):
        slate = serendip.recommend(model, data, history=[clicks], k=3)
        print(f"after {clicks or 'nothing'}: {', '.join(slate['title'])}")
        clicks.append(slate["item_id"][0])  # what stands first is clicked


if __name__ == "__main__":
    main()
