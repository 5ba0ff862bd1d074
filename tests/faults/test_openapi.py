"""Requests drawn from the OpenAPI document, valid and not, one by one and in series: each answer is as it says."""

import shutil
from collections import Counter
from itertools import count

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis.stateful import run_state_machine_as_test
from schemathesis.checks import CHECKS, load_all_checks

from serendip.service.keys import create
from serendip.store.project import Project

load_all_checks()
HELD = CHECKS.get_by_names([
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance",
])  # fmt: skip
LONGEST = 5_000  # characters of an address, up to 12 bytes each: more than 64 kB are not read
WITHOUT = {"GET /v1/health/live", "GET /v1/health/ready", "GET /v1/models", "GET /v1/rules", "GET /v1/rules/history",
           "POST /v1/models/rollback"}  # fmt: skip
DRAWN = settings(
    max_examples=6, stateful_step_count=6, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture(params=["without a key", "with a key"])
def headers(request, shop):
    """What each request brings."""
    if request.param == "without a key":
        return {}
    return {"authorization": f"Bearer {create(Project(shop / 'project'), 'admin', ['admin']).text}"}


@pytest.fixture
def schema(headers, address):
    return schemathesis.openapi.from_url(f"{address}/openapi.json", headers=headers)


def sent(case, headers):
    """Send a request; return its status, once the answer is found to be one that the document tells of."""
    assume(len(str(case.query)) < LONGEST)
    answer = case.call(headers=headers)
    case.validate_response(answer, checks=HELD)
    return answer.status_code


def test_each_answer_is_one_that_the_document_tells_of(schema, headers):
    seen = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in schemathesis.GenerationMode:
            if mode.is_negative and operation.label in WITHOUT:  # nothing in them can be wrong
                continue

            @given(operation.as_strategy(generation_mode=mode))
            @DRAWN
            def ask(case):
                seen[sent(case, headers) // 100] += 1

            ask()
    assert seen[2] > 50 and seen[4] > 50 and not seen[5]


def test_each_answer_of_a_series_is_one_that_the_document_tells_of(schema, headers, shop, running):
    """What a request made or found, an item or a version or a rule, the next ones ask about; each in a new shop."""
    seen, shops = Counter(), count()

    class Series(schema.as_state_machine()):
        def setup(self):
            super().setup()
            project = f"project{next(shops)}"
            shutil.copytree(shop / "project", shop / project)
            self.client, _ = running(project)

        def get_call_kwargs(self, case):
            return {"headers": headers, "base_url": str(self.client.base_url)}

        def validate_response(self, response, case, additional_checks=(), **kwargs):
            seen[response.status_code // 100] += 1
            case.validate_response(response, checks=HELD)

    run_state_machine_as_test(Series, settings=settings(DRAWN, max_examples=12))
    assert seen[2] > 10 and not seen[5]


def test_without_the_key_no_answer_is_outside_the_document_either(shop, address):
    text = create(Project(shop / "project"), "admin", ["admin"]).text
    document = schemathesis.openapi.from_url(f"{address}/openapi.json", headers={"authorization": f"Bearer {text}"})
    for found in document.get_all_operations():
        operation = found.ok()

        @given(operation.as_strategy())
        @settings(DRAWN, max_examples=1)
        def ask(case):
            status = sent(case, {"authorization": "Bearer nobody's"})
            assert status == (200 if "health" in case.path else 401)

        ask()
