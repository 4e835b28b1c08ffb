"""Answers come in: each is accepted once, known when it comes again, or refused with the reason.

One batch is one transaction, committed to disk before the client hears of it.
"""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from annotate_app.batch import Batch, Given, Outcome
from annotate_app.context import AppContext
from annotate_app.security.roles import Claim


async def judge(context: AppContext, claim: Claim, given: Sequence[Given]) -> list[Outcome]:
    """Take a batch of answers; durable when it returns, in the order of the batch. The Problems of `Require`."""

    def job(session: Session) -> tuple[list[Outcome], set[int]]:
        batch = Batch(session, context, claim.person(session, context.clock()), given)
        return batch.take(), batch.campaign_ids

    try:
        outcomes, campaign_ids = await context.in_turn(job)
    except IntegrityError:
        # The same batch came twice at once (PostgreSQL): the other one is committed now, so these are known.
        outcomes, campaign_ids = await context.in_turn(job)
    context.live.judged(campaign_ids)
    for status, number in Counter(outcome.status for outcome in outcomes).items():
        context.metrics.add("cairn_judgments_total", f'status="{status}"', by=number)
    return outcomes
