"""Settings of a workspace: `cairn.toml`, then environment variables `CAIRN_*`, which win."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from label_store.errors import UsageError


class Settings(BaseSettings):
    """Every setting, its default and its unit. Unknown keys in `cairn.toml` are refused by name."""

    model_config = SettingsConfigDict(env_prefix="CAIRN_", extra="forbid", frozen=True)

    name: str = Field("dataset", description="Name of the dataset: what `cairn build` calls a release by default.")
    database_url: str = Field(
        "sqlite:///labels.db",
        description="SQLAlchemy URL; a relative SQLite path lies in the workspace.",
    )
    blobs_url: str = Field("blobs", description="Folder in the workspace, or s3://bucket/prefix.")
    contact: str = Field("", description="E-mail or URL that the collector's User-Agent names.")
    allow_hosts: list[str] = Field(
        default_factory=list,
        description="host or host:port on private or loopback addresses that the collector may fetch.",
    )
    host_delay: float = Field(1.0, ge=0, description="Seconds between two requests to one host.")
    fetch_concurrency: int = Field(64, ge=1, description="Requests in flight at once, over all hosts.")
    fetch_timeout: float = Field(30.0, gt=0, description="Seconds one URL may take in all.")
    openverse_client_id: str = Field("", description="Identifier of your registered Openverse application.")
    openverse_client_secret: str = Field("", repr=False, description="Its secret; better kept in the environment.")
    max_image_bytes: int = Field(32 * 2**20, ge=1, description="Largest picture fetched, bytes.")
    max_image_pixels: int = Field(100_000_000, ge=1, description="Largest picture decoded, pixels.")
    keep_location: bool = Field(
        False, description="Keep where a picture was taken, if its file says so; otherwise that is dropped."
    )
    serve_host: str = Field("127.0.0.1", description="Address the annotation app listens on.")
    serve_port: int = Field(8600, ge=0, le=65535, description="Port the annotation app listens on.")
    lease_minutes: float = Field(30.0, gt=0, description="How long items are held for one annotator.")
    session_days: float = Field(30.0, gt=0, description="How long a signed-in browser stays signed in.")
    open_signup: bool = Field(False, description="Anybody may make an annotator's account at /signup.")
    contributions: Literal["off", "signed-in", "open"] = Field(
        "off", description="Who may give pictures at /contribute: nobody, people with an account, or anybody."
    )
    contribution_licenses: list[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.+-]{1,100}$")]] = Field(
        default_factory=lambda: ["CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0"],
        min_length=1,
        description="Licences (SPDX identifiers) that a giver of pictures may choose from; the first is preselected.",
    )
    contribution_batch: int = Field(20, ge=1, le=100, description="Pictures that one contribution may hold.")
    contributions_per_person: int = Field(
        200, ge=1, description="Pictures that one person, or one address without an account, may give in a day."
    )
    contributions_per_day: int = Field(2000, ge=1, description="Pictures that everybody together may give in a day.")
    near_takedown_radius: int = Field(
        6, ge=0, le=64, description="pHash bits within which a picture counts as a taken-down one."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command flags over environment over `cairn.toml` (given by `load_settings`)."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(toml: Path | None, **overrides: Any) -> Settings:
    """Settings from a file (None: defaults), the environment and `overrides`; UsageError names what is wrong."""

    class FromFile(Settings):
        model_config = SettingsConfigDict(
            env_prefix="CAIRN_", extra="forbid", frozen=True, toml_file=toml, title="Settings"
        )

    try:
        return FromFile(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            near = get_close_matches(key.lower(), Settings.model_fields, n=1)
            raise UsageError(
                f"{toml or 'the environment'}: there is no setting {key!r}",
                hint=f"did you mean {near[0]!r}?" if near else "`docs/settings.md` lists every setting with its unit",
            ) from error
        raise UsageError(
            f"{toml or 'the environment'}: setting {key!r}: {first['msg']}",
            hint="`docs/settings.md` lists every setting with its unit",
        ) from error
    except ValueError as error:  # TOML syntax, JSON in an environment variable
        raise UsageError(f"{toml or 'the environment'}: {error}", hint="mend that line") from error
