"""Swapping models under requests: what is taken up, what is refused, and the way back."""

import shutil
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from serendip.errors import UserError
from serendip.models.als import ALS
from serendip.models.ease import EASE
from serendip.service.degrade import slate
from serendip.service.publish import promote, proved, rollback
from serendip.service.serving import FAULTS, Serving
from serendip.service.settings import learned, settings_of
from serendip.service.train import fitted
from serendip.service.watch import Watch
from serendip.store.artefacts import about, load, save
from serendip.store.project import Project


def another(serving, algorithm):
    return fitted(serving.project, algorithm, learned(serving.live.store, settings_of(serving.project)))


def spoilt(serving, change):
    """A version whose files are whole and whose model is another than the one that its golden requests are of."""
    project, parent = serving.project, another(serving, ALS(rank=8, epochs=3))
    told, model = about(project.model(parent)), load(project.model(parent))
    version = project.new_version("spoilt")
    kept = {name: value for name, value in told.items() if name not in ("shape", "serendip")}
    save(replace(model, main=change(model.main)), project.model(version), kept)
    return version


def test_a_published_model_is_taken_up_while_requests_run(serving):
    first, second = serving.live.version, another(serving, ALS(rank=8, epochs=3))
    watch = Watch(serving, every=0.01)
    seen, stop = set(), threading.Event()
    faults = []

    def ask():
        while not stop.is_set():
            made = slate(serving, "u14", 5)
            seen.add(made.model)
            if len(made.items) != 5 or made.degraded:
                faults.append(made)

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in [*asking, watch]:
        thread.start()
    for version in (second, first) * 4:
        serving.project.publish(version)
        while serving.live.version != version:
            assert watch.is_alive()
            time.sleep(0.001)  # busy threads keep each other from Python's lock
    stop.set()
    for thread in asking:
        thread.join()
    watch.stop()
    assert seen == {first, second} and not faults


def test_a_model_that_answers_otherwise_than_when_it_was_fitted_is_refused_once(serving, caplog):
    old = serving.live
    version = spoilt(serving, lambda main: replace(main, item_factors=main.item_factors[::-1].copy()))
    for _ in range(3):
        assert not serving.take_up(version)
    assert serving.live is old
    assert len([r for r in caplog.records if version in r.getMessage()]) == 1
    assert "golden request" in caplog.text
    with pytest.raises(UserError, match="golden request 1"):
        promote(serving.project, version)
    assert serving.project.current() == old.version


def test_nan_everywhere_is_refused(serving):
    version = spoilt(serving, lambda main: replace(main, item_factors=np.full_like(main.item_factors, np.nan)))
    with pytest.raises(UserError, match="golden request"):
        proved(serving.project, version, serving.live.catalogue)


def test_a_model_that_fails_on_a_golden_request_is_refused(serving):
    version = spoilt(serving, lambda main: replace(main, item_factors=main.item_factors[:, :3].copy()))
    with pytest.raises(UserError, match="it fails on a golden request"):
        proved(serving.project, version, serving.live.catalogue)


def test_a_flipped_bit_in_any_kib_is_refused(serving):
    version = another(serving, ALS(rank=8, epochs=3))
    old = serving.live
    for path in serving.project.model(version).iterdir():
        whole = path.read_bytes()
        for at in range(0, len(whole), 1024):
            damaged = bytearray(whole)
            damaged[at] ^= 1 << (at // 1024) % 8
            path.write_bytes(damaged)
            assert not serving.take_up(version), (path.name, at)
            serving.refused.clear()
        path.write_bytes(whole)
    assert serving.live is old
    assert serving.take_up(version)


def test_a_model_of_other_ids_is_refused(serving, tmp_path):
    version = another(serving, ALS(rank=8, epochs=3))
    shutil.copytree(serving.project.root, tmp_path / "other")
    other = Project(tmp_path / "other")
    other.database.unlink()
    with other.store() as store:
        from serendip.service.record import record

        record(store, [{"user_id": f"x{n}", "item_id": f"y{n}"} for n in range(300)])
        from serendip.service.catalogue import Catalogue

        with pytest.raises(UserError, match="fitted on other users"):
            proved(other, version, Catalogue(store))


def test_a_model_that_fails_in_service_is_rolled_back_and_no_answer_is_missing(serving, caplog):
    first, second = serving.live.version, another(serving, ALS(rank=8, epochs=3))
    serving.project.publish(second)
    assert serving.take_up(second)
    live = serving.live
    main = live.pipeline.model
    broken = replace(main, gram=main.gram[:2, :2].copy(), fitted=main.fitted + np.uint64(1))  # folding in fails
    serving.live = replace(live, pipeline=replace(live.pipeline, model=broken))
    for n in range(FAULTS):
        made = slate(serving, f"u{n}", 5)
        assert made.degraded == "the model failed" and len(made.items) == 5
    made = slate(serving, "u14", 5)
    assert (made.model, made.degraded) == (first, None)
    assert serving.project.current() == first
    assert not serving.take_up(second)
    assert "rolled back" in serving.project.journal.read_text()


def test_a_server_that_began_with_a_model_that_fails_goes_back_to_the_one_before(serving):
    first = serving.live.version
    second = another(serving, ALS(rank=8, epochs=3))
    serving.project.publish(second)
    begun = Serving(serving.project)
    live = begun.live
    main = live.pipeline.model
    broken = replace(main, gram=main.gram[:2, :2].copy(), fitted=main.fitted + np.uint64(1))
    begun.live = replace(live, pipeline=replace(live.pipeline, model=broken))
    for n in range(FAULTS):
        assert slate(begun, f"u{n}", 5).degraded == "the model failed"
    assert slate(begun, "u14", 5).model == first == serving.project.current()
    begun.close()


def test_rollback_goes_back_step_by_step(serving):
    first = serving.live.version
    versions = [another(serving, ALS(rank=8, epochs=n)) for n in (1, 2)]
    with pytest.raises(UserError, match="no model served before"):
        rollback(serving.project)
    for version in versions:
        promote(serving.project, version)
    assert rollback(serving.project) == (versions[1], versions[0])
    assert rollback(serving.project) == (versions[0], first)
    with pytest.raises(UserError, match="no model served before"):
        rollback(serving.project)


def test_a_compressed_model_has_golden_requests_of_its_own(serving):
    from serendip.service.compress import compress

    another(serving, EASE())
    made = compress(serving.project, "float16", version=another(serving, ALS(rank=8, epochs=3)))
    assert serving.take_up(made.model)
