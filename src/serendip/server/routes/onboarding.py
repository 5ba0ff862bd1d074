"""Onboarding: what to ask a newcomer next, and what would be recommended by the answers so far."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from serendip.server.routes.users import K
from serendip.server.wire import MOST, answer, ref, responses
from serendip.service.answer import Questionnaire
from serendip.service.onboarding import Said, answers_of, questionnaire
from serendip.service.serving import Serving
from serendip.service.settings import settings_of

router = APIRouter(prefix="/v1/onboarding", tags=["onboarding"])
Ids = Annotated[list[str], Query(default_factory=list, max_length=MOST, description="May be repeated.")]
N = Annotated[int, Query(ge=1, le=20, description="How many questions to give at once.")]


@router.get("", responses=responses(ref(Questionnaire), 404, 422))
def onboarding(
    request: Request, like: Ids, dislike: Ids, unknown: Ids, like_tag: Ids, dislike_tag: Ids, unknown_tag: Ids,
    user_id: str | None = None, n: N = 1, k: K = None,
) -> Response:  # fmt: skip
    """Return the next question after the answers so far: ids of items that are liked, are not, or are not known.

    The server keeps nothing: each request brings all answers. What the store has of user_id counts as answered.
    """
    serving: Serving = request.app.state.serving
    said = Said(answers_of(like, dislike, unknown), answers_of(like_tag, dislike_tag, unknown_tag), user_id)
    settings = settings_of(serving.project).onboarding
    with serving.answering() as live:
        return answer(questionnaire(live, said, settings, n=n, k=k or request.app.state.k))
