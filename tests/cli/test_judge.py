"""`serendip judge` at the terminal and on its page, in a real browser without a network."""

import json
import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def test_cases_are_laid_out_and_answers_counted(shop, serendip):
    done = serendip("judge", "ease", "popular", "--users", 4, "--k", 3, "--project", "project",
                    input="1\ngood\nwhat\n2\n\nb\nq\n")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 of 4. They last chose: Thing" in done.stdout
    assert done.stderr.count("Which would they rather have?") == 4  # one was not understood
    assert "decided users" in done.stdout
    assert "(ease): good" in done.stdout or "(popular): good" in done.stdout
    assert done.stdout.count("\n- user ") == 1  # q in the place of a remark ends it


def test_it_says_what_it_needs(shop, inside):
    assert "name two models" in inside("judge", "ease", "--project", "project").stderr
    done = inside("judge", "ease", "popular", "--answers", "a.json", "--project", "project")
    assert done.returncode == 1 and "not both" in done.stderr
    assert "No such file" in inside("judge", "--answers", "a.json", "--project", "project").stderr


def test_the_page_gives_back_a_file_that_is_counted(shop, inside, answer, tmp_path):
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the page is not tried in a browser")
    sync = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").sync_playwright
    done = inside("judge", "ease", "popular", "--users", 3, "--page", "sheet.html", "--project", "project")
    assert done.returncode == 0 and "3 users" in done.stdout
    said: list[str] = []
    with sync() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(("file:", "blob:", "data:"))
                else said.append(request.url))  # fmt: skip
        page.goto((shop / "sheet.html").as_uri())
        assert page.locator("#left li").count() == page.locator("#right li").count() == 10
        page.get_by_role("button", name="The left one").click()
        page.get_by_label("A remark").fill('"<b>fine</b>"')
        page.get_by_role("button", name="Next").click()
        page.keyboard.press("3")
        page.reload()  # what was said is still there, and the first open case is shown
        page.wait_for_selector("#who:has-text('Person 3 of 3')")
        page.get_by_role("button", name="Back").click()
        assert page.get_by_role("button", name="Both are good").get_attribute("aria-pressed") == "true"
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        page.get_by_label("Your name").fill("Ada")
        with page.expect_download() as download:
            page.get_by_role("button", name="Save the answers").click()
        download.value.save_as(tmp_path / "back.json")
        browser.close()
    assert said == []
    file = json.loads((tmp_path / "back.json").read_text())
    assert [a["choice"] for a in file["answers"]] == ["left", "both"] and file["judge"] == "Ada"
    found = answer("judge", "--answers", tmp_path / "back.json", "--project", "project")
    assert found["a"] + found["b"] == found["both"] == 1
    assert found["remarks"][0]["remark"] == '"<b>fine</b>"'
