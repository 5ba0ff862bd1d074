import pytest

from serendip.errors import UserError
from serendip.store.project import Project


def with_model(project):
    version = project.new_version("data")
    project.model(version).mkdir()
    (project.model(version) / "model.json").write_text("{}")
    return version


def test_versions_sort_by_age_and_publishing_an_older_one_rolls_back(tmp_path):
    project = Project(tmp_path / "shop").make()
    assert project.current() is None and project.versions() == []
    versions = [with_model(project) for _ in range(5)]
    assert [v[:19] for v in project.versions()] == sorted(v[:19] for v in versions)
    project.publish(versions[4])
    project.publish(versions[1])
    assert project.current() == versions[1]
    assert Project(tmp_path / "shop").current() == versions[1]
    assert sorted(p.name for p in project.models.iterdir()) == sorted([*versions, "current", "published.jsonl"])


def test_a_version_that_is_not_there_is_refused(tmp_path):
    project = Project(tmp_path).make()
    version = with_model(project)
    with pytest.raises(UserError, match=f"did you mean '{version}'"):
        project.publish(version[:-1] + ("0" if version[-1] != "0" else "1"))
    for outside in ("../etc", "", "current", version + "/.."):
        with pytest.raises(UserError, match="no version of a model"):
            project.model(outside)
    assert project.current() is None


def test_half_a_model_is_no_version(tmp_path):
    project = Project(tmp_path).make()
    project.model(project.new_version("x")).mkdir()
    assert project.versions() == []


def test_the_store_is_made_with_the_project(tmp_path):
    project = Project(tmp_path / "deep" / "shop")
    with pytest.raises(UserError, match="no store"):
        project.store(create=False)
    with project.store() as store:
        assert store.where == str(tmp_path / "deep" / "shop" / "serendip.db")


def test_what_is_old_goes_and_what_serves_stays(tmp_path):
    project = Project(tmp_path).make()
    for _ in range(6):
        with_model(project)
    versions = project.versions()
    for version in (versions[0], versions[1]):
        project.publish(version)
    for n in range(6):
        (project.runs / project.new_version(str(n))).mkdir(parents=True)
        (project.tuning / f"als-{n}").mkdir(parents=True)
    other = project.runs / "mine"
    other.mkdir()
    assert project.prune(0) == []
    assert sorted(project.prune(2)) == sorted(versions[2:4])
    assert set(project.versions()) == {*versions[:2], *versions[4:]} and project.current() == versions[1]
    assert project.previous() == versions[0]
    assert len(list(project.runs.iterdir())) == 3 and other.is_dir()
    assert sorted(d.name for d in project.tuning.iterdir()) == ["als-4", "als-5"]
