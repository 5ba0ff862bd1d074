"""What each column is: by the user's word, by its name, by its cells. Every choice says why."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from serendip.data.readers import cells as read
from serendip.data.readers import words
from serendip.data.readers.plan import Column, Columns, Reading, Table
from serendip.data.readers.scale import infer_scale
from serendip.errors import UserError, nearest

OVERRIDES = ("user", "item", "value", "timestamp", "type")
CODE_ENDINGS = ("id", "code", "no", "number", "sku", "asin", "isbn", "upc", "ean", "gtin", "nr", "nummer")


@dataclass
class Recognition:
    """The roles found so far in one sample of rows."""

    source: str
    sample: pl.DataFrame  # text cells
    named: bool  # the file has a header
    stem: str  # of the file's name
    given: Columns
    reading: Reading
    taken: dict[str, Column] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    table: Table = "events"
    scale: tuple[float, float] | None = None
    default_type: str = "interaction"
    untimely: list[str] = field(default_factory=list)  # columns that are times by name, and cannot be read as such

    def run(self) -> "Recognition":
        """Fill everything in. Raises UserError where users and items cannot be told."""
        self.clean = self.sample.select(read.clean(pl.all()))
        self._overrides()
        self._row_numbers()
        if self.named:
            self._by_name(("user", "item"))
        self._which_table()
        if self.table == "events":
            self._events()
        else:
            self._attributes_file()
        return self

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns in file order."""
        return tuple(self.taken[n] for n in self.sample.columns)

    def _free(self) -> list[str]:
        return [n for n in self.sample.columns if n not in self.taken]

    def _role(self, role: str) -> str | None:
        return next((c.name for c in self.taken.values() if c.role == role), None)

    def _take(self, name: str, role: str, why: str, kind: str = "", to: str = "") -> None:
        self.taken[name] = Column(name, role, kind, to, why)

    def _overrides(self) -> None:
        for role in OVERRIDES:
            asked = getattr(self.given, role)
            if asked is None:
                continue
            name = self._find(asked)
            if name in self.taken:
                raise UserError(f"column {name!r} is named as both {self.taken[name].role} and {role}")
            self._take(name, role, f"told by --{role}", self._told(role, name))

    def _told(self, role: str, name: str) -> str:
        """Return the kind of a column that was named. Raises UserError where not one of its cells can be such."""
        cells = self.clean[name].drop_nulls()
        some = f"{name!r} of {self.source}, named by --{role},"
        if role == "value" and words.plain(name) not in words.LIKES and len(cells) and not self._numbers(name):
            raise UserError(f"{some} holds no numbers, as {cells[0][:40]!r}: name another column, or none")
        if role != "timestamp":
            return ""
        if kind := self._time(name, least=1e-9):
            return kind
        if len(cells) and read.timestamps(cells, read.EPOCH).null_count() == len(cells):
            raise UserError(f"{some} holds no times, as {cells[0][:40]!r}: name another column, or none")
        return read.EPOCH

    def _numbers(self, name: str) -> int:
        """Return how many cells are numbers, in whichever way decimals are written."""
        ways = [read.numbers(pl.col(name), comma).is_finite().fill_null(False) for comma in (False, True)]
        return int(self.clean.select((ways[0] | ways[1]).sum()).item())

    def _find(self, asked: str) -> str:
        names = self.sample.columns
        if asked in names:
            return asked
        if not self.named and asked.isdigit() and 1 <= int(asked) <= len(names):
            return names[int(asked) - 1]
        if len(same := [n for n in names if words.plain(n) == words.plain(asked)]) == 1:
            return same[0]
        raise UserError(f"no column {asked!r} in {self.source}{nearest(asked, names)}")

    def _time(self, name: str, least: float = 0.5) -> str:
        found = read.recognise_time(self.sample[name], least)
        if found and found[1]:
            self.notes.append(f"{name}: {found[1]}")
        return found[0] if found else ""

    def _row_numbers(self) -> None:
        """Leave out an unnamed first column that counts the rows, as pandas writes it, and empty unnamed columns."""
        for i, name in enumerate(self.sample.columns):
            if not self.named or name in self.taken or name != f"column_{i + 1}":
                continue
            cells = self.clean[name]
            if cells.null_count() == len(cells):
                self._take(name, "ignored", "no name and nothing in it")
            elif i == 0 and (cells.cast(pl.Int64, strict=False).diff().drop_nulls() == 1).all():
                self._take(name, "ignored", "no name and counts the rows")

    def _by_name(self, roles: Iterable[str]) -> None:
        for role in roles:
            if self._role(role):
                continue
            known = words.ROLE_NAMES[role]
            found = [(self._rank(role, words.plain(n), known), n) for n in self._free()]
            ranked = [n for rank, n in sorted((r, n) for r, n in found if r is not None)]
            if role == "timestamp":
                called, ranked = ranked, [n for n in ranked if self._empty(n) or self._is_time(n)]
                self.untimely = [n for n in called if n not in ranked]
            if ranked:
                kind = (self._time(ranked[0]) or read.EPOCH) if role == "timestamp" else ""
                why = "by name" + (f"; also possible: {', '.join(ranked[1:3])}" if len(ranked) > 1 else "")
                self._take(ranked[0], role, why, kind)
            else:
                self._by_slip(role, known)

    def _by_slip(self, role: str, known: list[str]) -> None:
        """Take a column whose name is a known one but for one letter, as CustmerID."""
        for name in self._free():
            plain = words.plain(name)
            word = None if plain in words.KNOWN else next((w for w in known if words.slip(plain, w)), None)
            if word is None or (role in ("user", "item") and not self._is_id(name)):
                continue
            kind = self._time(name) if role == "timestamp" else ""
            if role == "timestamp" and not kind:
                continue
            self._take(name, role, f"by name, for {word}", kind)
            if role in OVERRIDES:
                self.notes.append(
                    f"{name} was taken for the {role}, as a slip for {word}; --{role} names another column"
                )
            return

    def _empty(self, name: str) -> bool:
        return self.clean[name].null_count() == self.clean.height

    def _is_time(self, name: str) -> bool:
        found = read.recognise_time(self.sample[name])
        numeric = self.clean[name].drop_nulls().cast(pl.Float64, strict=False)
        return found is not None or (numeric.null_count() == 0 and words.plain(name) in ("timestamp", "ts"))

    @staticmethod
    def _rank(role: str, name: str, known: list[str]) -> tuple[bool, int] | None:
        if name in known:
            code = role not in ("user", "item") or name.endswith(CODE_ENDINGS)
            return (not code, known.index(name))
        if role in ("user", "item"):
            for i, word in enumerate(known):
                if len(word) > 5 and word.endswith("id") and name.endswith(word):
                    return (True, len(known) + i)
        return None

    # which table it is

    def _which_table(self) -> None:
        user, item = self._role("user"), self._role("item")
        hint = self._hint()
        if self.reading.table:
            self.table = self.reading.table
        elif user and item:
            self.table = "events"
        elif item or user:
            key = item or user or ""
            if hint and hint != ("users" if item else "items"):
                self.table = hint
            elif self._unique(key):
                self.table = "items" if item else "users"
        elif hint:
            self.table = hint
        elif self.named and (name := next((n for n in self._free() if words.plain(n) == "id"), None)):
            others = {words.plain(n) for n in self._free() if n != name}
            if others & words.USER_WORDS and not others & words.TITLES:
                self.table = "users"
            elif others & words.ITEM_WORDS:
                self.table = "items"
        if self.table == "events":
            self._users_and_items()
        elif not self._role(key := self.table[:-1]):
            name = next((n for n in self._free() if words.plain(n) == "id"), None)
            why = "by name" if name else "first column, by position"
            name = name or next((n for n in self._free() if self._is_id(n)), None)
            if name is None:
                raise UserError(f"no column of {self.source} could be the {key}: name it with --{key}; {self._seen()}")
            self._take(name, key, why)

    def _hint(self) -> Table | None:
        for token in self.stem.lower().replace("-", ".").replace("_", ".").split("."):
            if token in words.TABLE_WORDS["items"]:
                return "items"
            if token in words.TABLE_WORDS["users"]:
                return "users"
        return None

    def _unique(self, name: str) -> bool:
        cells = self.clean[name].drop_nulls()
        return len(cells) == 0 or cells.n_unique() > 0.98 * len(cells)

    def _users_and_items(self) -> None:
        for role in ("user", "item"):
            if self._role(role):
                continue
            name = next((n for n in self._free() if self._is_id(n)), None)
            if name is None and role == "user" and (s := [n for n in self._free() if "session" in words.plain(n)]):
                name = s[0]
            if name is None:
                raise UserError(
                    f"no column of {self.source} could be the {role}: name it with --{role}; {self._seen()}"
                )
            place = "looks like ids" if self.named else f"column {self.sample.columns.index(name) + 1}, by position"
            self._take(name, role, place)
            if self.named:
                self.notes.append(f"{name} was taken for the {role} because it {place}; --{role} names another column")

    def _seen(self) -> str:
        return f"its columns: {', '.join(n[:40] for n in self.sample.columns[:12])}"

    def _is_id(self, name: str) -> bool:
        cells = self.clean[name].drop_nulls()
        if cells.is_empty():
            return self.clean.is_empty()
        plain = words.plain(name)
        if self.named and (plain in words.CONTEXT_WORDS | words.USER_WORDS | words.TITLES | words.TEXTS | words.LISTS):
            return False
        if self.named and any(
            plain in found for role, found in words.ROLE_NAMES.items() if role not in ("user", "item")
        ):
            return False
        if self.named and cells.n_unique() < 0.5 * len(cells) ** 0.5:
            return False
        if len(cells) < self.clean.height / 2 or cells.str.len_chars().sum() > 64 * len(cells):
            return False
        number = cells.cast(pl.Float64, strict=False)
        if number.null_count() == 0:
            return bool((number == number.floor()).all()) and not (
                self.named and read.recognise_time(self.sample[name])
            )
        return cells.str.contains(" ", literal=True).sum() < 0.1 * len(cells) and not read.recognise_time(cells)

    # events

    def _events(self) -> None:
        if self.named:
            self._by_name(
                ("timestamp", "type", "event_id", "impression_id", "order", "quantity", "value", "price", "source")
            )
        self._by_content()
        if self._role("value") and (quantity := self._role("quantity")):
            self._take(quantity, "context", "by name; the value is elsewhere", "number", words.snake(quantity))
        self._value()
        self._leftover()
        if price := self._role("price"):
            self._take(price, "price", self.taken[price].why, "number", "price")
        for role in ("order", "event_id"):
            if name := self._role(role):
                self._take(name, role, self.taken[name].why, "", words.snake(name) if role == "order" else "")

    def _by_content(self) -> None:
        for name in self._free():
            if self.named and words.plain(name) == "id" and self._unique(name):
                self._take(name, "event_id", "by name; each row its own")
        if not self._role("timestamp"):
            times = [n for n in self._free() if self._strange(n) and read.recognise_time(self.sample[n])]
            if times:
                more = f"; also possible: {', '.join(times[1:3])}" if len(times) > 1 else ""
                self._take(times[0], "timestamp", f"its cells are times{more}", self._time(times[0]))
            elif self.untimely:
                self._untimely(self.untimely[0])
        if not self._role("type"):
            kinds = [n for n in self._free() if self._are_types(n)]
            if kinds:
                self._take(kinds[0], "type", "its cells are kinds of events")
        if self._role("value") or self._role("quantity"):
            return
        for name in self._free():
            if not self._strange(name):
                continue
            number = self.clean[name].drop_nulls().cast(pl.Float64, strict=False)
            if len(number) < max(1, self.clean.height / 2) or number.null_count() > 0.1 * len(number):
                continue
            if infer_scale(number) and (number.n_unique() >= 3 or not self.named) and number.n_unique() <= 25:
                self._take(name, "value", "its numbers are few and look like ratings", "rating")
                return
            if not self.named and not self._role("value") and self.sample.columns.index(name) == 2:
                self._take(name, "value", "column 3, by position", "value")
                return

    def _untimely(self, name: str) -> None:
        cells = self.clean[name].drop_nulls()
        form = (read.recognise_time(cells, least=1e-9) or (read.EPOCH, ""))[0]
        wrong = cells.filter(read.timestamps(cells, form).is_null())  # none where all are numbers too small for a time
        cell = (cells if wrong.is_empty() else wrong)[0]
        more = "" if form == read.EPOCH else f", or let --timestamp {name} put such rows aside"
        self.notes.append(f"{name} is a time by its name, but most of its cells cannot be read as one, such as "
                          f"{cell[:40]!r}: the events are without a time; mend the cells{more}")  # fmt: skip

    def _strange(self, name: str) -> bool:
        known = words.CONTEXT_WORDS | words.USER_WORDS | words.ITEM_WORDS | words.TEXTS
        return not self.named or words.plain(name) not in known

    def _are_types(self, name: str) -> bool:
        kinds = self.clean[name].drop_nulls().unique()
        if not 0 < len(kinds) <= 12 or not self._strange(name):
            return False
        return sum(words.plain(k) in words.SYNONYM for k in kinds) >= 0.9 * len(kinds)

    def _value(self) -> None:
        name = self._role("value")
        typed = self._role("type")
        if name is None:
            quantity = self._role("quantity")
            if quantity:
                self._take(quantity, "quantity", self.taken[quantity].why, "quantity")
            self.default_type = "purchase" if quantity or self._role("order") else self._type_of_file()
            return
        plain, was = words.plain(name), self.taken[name]
        number = self.clean[name].drop_nulls()
        if typed:
            kinds = self.clean[typed].map_elements(event_type, return_dtype=pl.String)
            of_ratings = self.clean[name].filter(kinds.is_in(["rating", "review"]).fill_null(False)).drop_nulls()
            self.scale = self._scale(of_ratings) if len(of_ratings) or self.reading.scale else None
            self._take(name, "value", was.why, "value")
            return
        kind = was.kind or "value"
        if plain in words.LIKES:
            kind, self.default_type = "like", "like"
        elif plain in words.SECONDS:
            kind, self.default_type = "seconds", "time_spent"
        elif plain in words.RATINGS or kind == "rating" or self.reading.scale:
            kind = "rating"
        elif not words.plain(name).endswith(("count", "weight", "plays", "listens")):
            found = number.cast(pl.Float64, strict=False).drop_nulls()
            kind = "rating" if infer_scale(found) and 3 <= found.n_unique() <= 25 else "value"
        if kind == "rating":
            self.scale, self.default_type = self._scale(number), "rating"
        elif kind == "value":
            self.default_type = self._type_of_file()
        self._take(name, "value", was.why, kind)

    def _scale(self, cells: pl.Series) -> tuple[float, float] | None:
        if self.reading.scale:
            low, high = self.reading.scale
            if not low < high:
                raise UserError(
                    f"a rating scale from {low:g} to {high:g} is empty: give the lowest, then the highest rating"
                )
            return (float(low), float(high))
        number = cells.cast(pl.Float64, strict=False)
        if number.null_count():  # European decimals
            comma = cells.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
            number = comma if comma.null_count() < number.null_count() else number
        found = infer_scale(number.drop_nulls())
        if found:
            self.notes.append(f"rating scale {found[0]:g} to {found[1]:g}, inferred from the data; --scale overrides")
        elif len(number):
            self.notes.append("the ratings fit no usual scale, so none is held; --scale sets one")
        return found

    def _type_of_file(self) -> str:
        free = {words.plain(n) for n in self._free()}
        if free & {"tag", "tagid", "tagvalue"}:
            return "tag"
        if free & (words.TEXTS - {"content", "summary", "headline"}):
            return "review"
        for token in words.plain(self.stem.replace(".", " ")), *self.stem.lower().replace("-", "_").split("_"):
            for word in (token, token.removesuffix("s")):
                if word in words.SYNONYM:
                    return words.SYNONYM[word]
        return "interaction"

    def _leftover(self) -> None:
        """Give every other column to the item, the user or the context."""
        user, item = self._role("user") or "", self._role("item") or ""
        title_due = True
        for name in sorted(self._free(), key=lambda n: self._title_rank(n)):
            plain = words.plain(name) if self.named else ""
            of_item, of_user = self._depends(name, item), self._depends(name, user)
            role, why = "context", "differs from row to row"
            if plain in words.CONTEXT_WORDS:
                why = "by name"
            elif plain in words.USER_WORDS:
                if of_user is None or of_user >= 0.8:
                    role, why = "user attribute", _because(of_user, "user")
            elif plain in words.ITEM_WORDS:
                if of_item is None or of_item >= 0.8:
                    role, why = "item attribute", _because(of_item, "item")
            elif plain not in words.TEXTS or of_item is not None:
                shares = [(of_item or 0.0, "item"), (of_user or 0.0, "user")]
                share, of = max(shares, key=lambda s: s[0])
                if share >= 0.95 and self._tells(name, share):
                    role, why = f"{of} attribute", _because(share, of)
            to = words.snake(name)
            if role == "item attribute" and plain in words.TITLES and title_due:
                to, title_due = "title", False
            if role == "context" and plain in words.TEXTS and not any(c.to == "text" for c in self.taken.values()):
                to = "text"
            self._take(name, role, why, self._kind(name), to)

    @staticmethod
    def _title_rank(name: str) -> int:
        """Title and name before description."""
        return {"title": 0, "name": 1}.get(words.plain(name), 3 if words.plain(name) in ("description", "desc") else 2)

    def _depends(self, name: str, key: str) -> float | None:
        """Return the share of rows whose cell is the usual one for their id; None where too few ids come twice."""
        pairs = pl.DataFrame({"key": self.clean[key], "cell": self.clean[name]}).drop_nulls()
        each = (
            pairs.group_by("key", "cell")
            .len()
            .group_by("key")
            .agg(pl.col("len").max().alias("top"), pl.col("len").sum())
        )
        twice = each.filter(pl.col("len") >= 2)
        rows = int(twice["len"].sum())
        return float(twice["top"].sum()) / rows if rows >= 20 and twice.height >= 3 else None

    def _tells(self, name: str, share: float) -> bool:
        """Whether the share is more than the commonest cell of all rows would give by itself."""
        cells = self.clean[name].drop_nulls()
        usual = int(cells.value_counts()["count"].max() or 0) / max(1, len(cells))  # type: ignore[arg-type]
        return usual < 1 and share > usual + 0.5 * (1 - usual)

    # items and users

    def _attributes_file(self) -> None:
        role = f"{self.table[:-1]} attribute"
        for name in list(self.taken):
            if self.taken[name].role not in ("item" if self.table == "items" else "user", "ignored"):
                del self.taken[name]
        title_due = self.table == "items"
        for name in sorted(self._free(), key=lambda n: self._title_rank(n)):
            plain, to, why = words.plain(name), words.snake(name), "by name" if self.named else "by position"
            kind = self._kind(name)
            if title_due and kind == "text" and self._is_title(name):
                to, title_due, why = "title", False, "by name" if self.named else "its cells are titles"
            elif (
                not self.named and kind.startswith("list:") and "categories" not in {c.to for c in self.taken.values()}
            ):
                to, why = "categories", "several values in a cell"
            elif plain in words.ROLE_NAMES["price"] and self.table == "items":
                to = "price"
            self._take(name, role, why, kind, to)

    def _is_title(self, name: str) -> bool:
        plain, cells = words.plain(name), self.clean[name].drop_nulls()
        if self.named:
            long = len(cells) and cells.str.len_chars().sum() > 120 * len(cells)
            return plain in words.TITLES and not (plain in ("description", "desc") and long)
        letters = cells.str.contains(r"\p{L}{2}").sum() > 0.5 * len(cells)
        return letters and len(cells) > 0 and cells.n_unique() > 0.8 * len(cells)

    def _kind(self, name: str) -> str:
        plain, cells = words.plain(name) if self.named else "", self.clean[name].drop_nulls()
        if cells.is_empty():
            return "list:|" if plain in words.LISTS else "text"
        if separator := read.vector_separator(cells):
            return f"vector:{separator}"
        if plain in words.LISTS or cells.str.contains(r"\p{L}\w*[|]\p{L}").sum() > 0.05 * len(cells):
            listed = [s for s in ("|", ";", ",") if cells.str.contains(s, literal=True).any()]
            number = cells.cast(pl.Float64, strict=False)
            if number.null_count() or listed:
                return f"list:{listed[0] if listed else '|'}"
        if plain in words.ROLE_NAMES["price"]:
            priced = cells.to_frame("c").select(read.prices(pl.col("c"))).to_series()
            if priced.null_count() <= 0.1 * len(priced):
                return "number"
        number = cells.cast(pl.Float64, strict=False)
        if number.null_count() <= 0.01 * len(cells) and not cells.str.contains(r"^0\d").any():
            code = plain.endswith(CODE_ENDINGS) or plain in ("zip", "zipcode", "postcode", "postalcode")
            return "text" if code else "number"
        time = read.recognise_time(cells)
        return f"date:{time[0]}" if time and time[0] != read.EPOCH else "text"


def _because(share: float | None, of: str) -> str:
    return "by name" if share is None else f"the same in {share:.0%} of the rows of one {of}"


def event_type(text: str) -> str:
    """Return the canonical type that a shop's own word stands for; an unknown word stays as it is."""
    return words.SYNONYM.get(words.plain(text), text)
