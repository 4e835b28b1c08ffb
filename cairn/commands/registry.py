"""Which function stands behind each command name. Modules are imported here, heavy libraries only when run."""

import typer

from cairn.commands import (
    build,
    campaign,
    collect,
    consensus,
    demo,
    diff,
    doctor,
    duplicates,
    explain,
    init,
    publish,
    serve,
    shards,
    takedown,
    taxonomy,
    train,
    user,
    verify,
)


def register(app: typer.Typer) -> None:
    """Put every command on the command line."""
    app.command("init")(init.init)
    app.command("demo")(demo.demo)
    app.add_typer(taxonomy.app, name="taxonomy")
    app.add_typer(collect.app, name="collect")
    app.add_typer(campaign.app, name="campaign")
    app.add_typer(user.app, name="user")
    app.command("serve")(serve.serve)
    app.command("consensus")(consensus.consensus)
    app.command("shards")(shards.shards)
    app.command("build")(build.build)
    app.command("verify")(verify.verify)
    app.command("diff")(diff.diff)
    app.command("publish")(publish.publish)
    app.command("duplicates")(duplicates.duplicates)
    app.command("train", context_settings=train.CONTEXT)(train.train)
    app.command("explain")(explain.explain)
    app.command("takedown")(takedown.takedown)
    app.command("doctor")(doctor.doctor)
