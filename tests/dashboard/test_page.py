"""The page in a real browser: find, pick, and watch the slate change."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def page(address):
    """The page, opened; what its console says is an error."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the page is not tried in a browser")
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").sync_playwright
    said: list[str] = []
    with sync() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
        page.goto(address)
        page.wait_for_selector("#slate li")
        yield page
        browser.close()
    assert said == []


def titles(page, where):
    return page.locator(f"#{where} .title").all_inner_texts()


def changed(page, before):
    """Wait until the slate is another one; return it."""
    page.wait_for_function(
        "before => { const now = [...document.querySelectorAll('#slate .title')].map(e => e.textContent);"
        " return now.length && now.join() !== before.join(); }", arg=before)  # fmt: skip
    return titles(page, "slate")


def test_a_newcomer_picks_items_and_the_slate_follows(page):
    everyone = titles(page, "slate")
    assert len(everyone) == 10
    page.fill("#q", "thing 33")
    page.locator("#found button", has_text="Thing 33 of taste 3").click()
    first = changed(page, everyone)
    assert titles(page, "history") == ["Thing 33 of taste 3"]
    assert all(title.endswith("taste 3") for title in first[:4])
    assert "because you" in page.locator("#slate .why").first.inner_text()
    page.get_by_role("button", name=f"I like this: {first[0]}", exact=True).click()
    second = changed(page, first)
    assert titles(page, "history") == [first[0], "Thing 33 of taste 3"]
    assert first[0] not in second
    page.get_by_role("button", name="Start again as a newcomer").click()
    assert changed(page, second) == everyone


def test_a_user_is_seen_with_history_beside_slate(page):
    before = titles(page, "slate")
    page.fill("#q", "u14")
    page.locator("#found button", has_text="user u14").first.click()
    slate = changed(page, before)
    assert page.inner_text("#left") == "User u14"
    history = titles(page, "history")
    assert len(history) == 7
    assert not set(history) & set(slate)
    assert "bought, 2024-01-" in page.locator("#history .why").first.inner_text()
    left, right = (page.locator(f"#{where}").bounding_box() for where in ("history", "slate"))
    assert left["x"] + left["width"] <= right["x"]


def test_a_link_leads_to_a_user_and_the_address_follows(page, address):
    everyone = titles(page, "slate")
    page.goto(f"{address}/?user=u14")
    mine = changed(page, everyone)
    assert page.inner_text("#left") == "User u14"
    page.fill("#q", "u15")
    page.locator("#found button", has_text="user u15").first.click()
    changed(page, mine)
    assert page.url == f"{address}/?user=u15"
    page.go_back()
    page.wait_for_selector("#left:has-text('User u14')")
    page.get_by_role("button", name="Start again as a newcomer").click()
    page.wait_for_selector("#left:has-text('Newcomer')")
    assert page.url == f"{address}/"
    page.goto(f"{address}/?user=nobody%20%26%20co")
    page.wait_for_selector("#left:has-text('User nobody & co')")


def test_what_is_not_there_is_said(page):
    page.fill("#q", "zzz")
    page.wait_for_selector("#found:has-text('nothing found')")
    page.keyboard.press("Enter")
    assert len(titles(page, "slate")) == 10


def test_a_title_is_text_whatever_is_in_it(page, address):
    import httpx

    wicked = "<img src=x onerror=alert(1)>"
    httpx.post(f"{address}/v1/events", json={"user_id": wicked, "item_id": wicked})
    page.fill("#q", "<img")
    page.locator("#found button", has_text=f"user {wicked}").click()
    page.wait_for_selector(f"#left:has-text('{wicked}')")
    assert titles(page, "history") == [wicked]
    assert page.locator("img").count() == 0
