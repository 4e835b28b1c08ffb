"""The app, put together: routes, security, problem documents, static files."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from annotate_app.context import AppContext, Clock
from annotate_app.metrics import Metrics
from annotate_app.problems import install_problems
from annotate_app.routes import (
    annotators,
    auth,
    campaigns,
    contributions,
    crowd,
    curating,
    export,
    giving,
    gold,
    health,
    images,
    judgments,
    labelling,
    leases,
    moderation,
    pages,
    people,
    qualification,
    review,
    signup,
    suggestions,
    tokens,
    transfer,
)
from annotate_app.security.cross_site import RefuseCrossSite
from annotate_app.security.headers import SecurityHeaders
from annotate_app.security.rate_limit import FailureLimit
from label_store import Workspace
from label_store.models import now

STATIC = Path(__file__).parent / "static"
THREADS = 12
"""Requests worked on at once."""


def create_app(workspace: Workspace, *, clock: Clock = now, seed: int | None = None) -> FastAPI:
    """The annotation app over a workspace.

    `clock` tells the time (leases, sessions and limits run on it); `seed` makes the order of items repeatable.
    """
    context = AppContext(workspace, clock, seed)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # More threads than that only fight for the interpreter; the database lets one writer in anyway.
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        context.start()
        yield
        context.close()

    app = FastAPI(
        title="Cairn",
        summary="Lease pictures, judge them, export what people said.",
        docs_url=None,  # Swagger's page would load scripts from elsewhere; routes/pages.py has one that does not
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
    )
    app.state.context = context
    app.state.login_limit = FailureLimit(clock)
    app.state.contribution_limits = contributions.Limits(context)
    for routes in (auth, campaigns, leases, judgments, export, images, health, pages, labelling):
        app.include_router(routes.router)
    for routes in (qualification, signup, contributions, giving):
        app.include_router(routes.router)
    for router in (moderation.api, moderation.pages, curating.router, annotators.router):
        app.include_router(router)
    for router in (review.router, gold.router, people.router, crowd.router, tokens.router):
        app.include_router(router)
    for router in (suggestions.api, suggestions.pages, transfer.router):
        app.include_router(router)
    app.mount("/static", GZipMiddleware(StaticFiles(directory=STATIC), minimum_size=500), name="static")
    install_problems(app)
    app.add_middleware(RefuseCrossSite)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(CountRequests, metrics=context.metrics)
    return app


class CountRequests:
    """ASGI middleware: how many answers of which class, and how long they took to begin."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what the app answers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.metrics.observe(message["status"], time.perf_counter() - began)
            await send(message)

        await self.app(scope, receive, counted)
