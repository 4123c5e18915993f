"""Writes what the code itself knows best: settings, metrics, errors, the chart's settings.

`python docs/generate.py` writes docs/settings.md, docs/metrics.md, docs/errors.md and the settings
in helm/gwanmun/values.schema.json; `--check` writes nothing and fails if one is out of date.
"""

import difflib
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args, get_origin

import yaml
from annotated_types import Ge, Gt, Le, Lt
from chart_schema import chart_schema
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from gateway.errors import ALL_PUBLIC_ERRORS, PublicError
from gateway.settings import ModelSettings, ReplicaSettings, Settings, variable_name
from gateway.telemetry import Metrics

DOCS = Path(__file__).resolve().parent
MADE = "<!-- Made by docs/generate.py from the code. Change the code, then run it again. -->\n"
ASK = {
    "caller": ("요청을 보낸 쪽", "whoever sent the request"),
    "officer": ("기관의 보안담당자", "the agency's security officer"),
    "operator": ("관문 운영자", "the gateway's operator"),
    "nobody": ("물을 필요 없음", "nobody"),
}
BOUNDS: Mapping[type, tuple[str, str]] = {
    Ge: ("≥", "ge"),
    Gt: (">", "gt"),
    Le: ("≤", "le"),
    Lt: ("<", "lt"),
}


class PageError(Exception):
    """A page cannot be made because code and docs/error_causes.yaml disagree."""


def main(arguments: list[str]) -> int:
    """Writes the pages, or with `--check` compares them; returns the exit status."""
    stale = []
    for name, make in PAGES.items():
        path = DOCS / name
        page = make()
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if before == page:
            continue
        if "--check" in arguments:
            stale.append(name)
            lines = (before.splitlines(), page.splitlines())
            print("\n".join(difflib.unified_diff(*lines, name, f"{name} (made now)", n=0)))
        else:
            path.write_text(page, encoding="utf-8")
            print(f"docs/{name}")
    if stale:
        print(f"out of date: {', '.join(stale)}; run .venv/bin/python docs/generate.py")
    return 1 if stale else 0


def settings_page() -> str:
    """docs/settings.md: every setting with its variable, default and sentence."""
    lines = [
        "# Settings\n",
        MADE,
        "Read once at the start, from the YAML file that `GWANMUN_CONFIG` names and from variables "
        "`GWANMUN_<GROUP>__<NAME>`; a variable wins over the file. A name that is not on this page "
        "stops the start, with the nearest one named. Secrets are files: a setting holds their "
        "path. `gwanmun config check` reads a configuration and says what is wrong with it.\n",
    ]
    for group, info in Settings.model_fields.items():
        model = info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            lines += [f"## {group}\n", f"{_first_sentence(model)}\n"]
            lines += _settings_table(model, group)
    lines += [
        "## models\n",
        f"{Settings.model_fields['models'].description} A list in the file, or YAML in "
        "`GWANMUN_MODELS`; at least one.\n",
        *_settings_table(ModelSettings),
        "### models[].replicas\n",
        f"{_first_sentence(ReplicaSettings)} At least one to a model.\n",
        *_settings_table(ReplicaSettings),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _settings_table(model: type[BaseModel], group: str | None = None) -> list[str]:
    """Rows of one group; settings in a list (no group name) have no variable."""
    rows = ["| setting | default | what it is |", "|---|---|---|"]
    if group:
        rows = ["| setting | variable | default | what it is |", "|---|---|---|---|"]
    for name, info in model.model_fields.items():
        cells = [f"`{name}`", _default(info), f"{info.description} {_allowed(info)}".rstrip()]
        if group:
            cells.insert(1, f"`{variable_name(f'{group}.{name}')}`")
        rows.append(f"| {' | '.join(cells)} |")
    return [*rows, ""]


def _first_sentence(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().partition("\n\n")[0].replace("\n", " ")


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "*required*"
    if info.default is None or info.default in ("", ()):
        return "–"
    if isinstance(info.default, bool | str | Path):
        return f"`{info.default}`"
    if isinstance(info.default, int | float):
        return f"{info.default}".removesuffix(".0")
    return f"`{info.default!r}`"


def _allowed(info: FieldInfo) -> str:
    words = [
        f"{sign} {getattr(bound, attribute)}"
        for bound in info.metadata
        for kind, (sign, attribute) in BOUNDS.items()
        if type(bound) is kind
    ]
    if choices := _choices(info.annotation):
        words.append(f"one of {', '.join(f'`{choice}`' for choice in choices)}")
    return f"({', '.join(words)})" if words else ""


def _choices(annotation: object) -> tuple[str, ...]:
    options = get_args(annotation)
    if get_origin(annotation) in (types.UnionType, tuple):
        return ()
    return tuple(item for item in options if isinstance(item, str))


def metrics_page() -> str:
    """docs/metrics.md: every metric as it is scraped."""
    lines = [
        "# Metrics\n",
        MADE,
        "In Prometheus' text format at `/metrics` of the internal listener "
        "(`server.internal_port`). Labels come from closed sets; no label ever holds a user, a "
        "path or text.\n",
        "| metric | type | labels | what it is |",
        "|---|---|---|---|",
    ]
    metrics = Metrics()
    labels = {
        name: getattr(collector, "_labelnames", ())
        for collector, names in metrics.registry._collector_to_names.items()
        for name in names
    }
    for name, (kind, words) in sorted(metrics.documented().items()):
        shown = ", ".join(f"`{label}`" for label in labels.get(name, ())) or "–"
        lines.append(f"| `{name}` | {kind} | {shown} | {words} |")
    return "\n".join(lines) + "\n"


def errors_page() -> str:
    """docs/errors.md: every code with its words, cause, remedy and whom to ask.

    Raises:
        PageError: a code without an entry in docs/error_causes.yaml, or an entry without a code.
    """
    causes = yaml.safe_load((DOCS / "error_causes.yaml").read_text(encoding="utf-8"))
    rows = {row.code: row for row in ALL_PUBLIC_ERRORS}
    if rows.keys() != causes.keys():
        raise PageError(f"docs/error_causes.yaml: {sorted(rows.keys() ^ causes.keys())}")
    lines = [
        "# 오류 (errors)\n",
        MADE,
        '`/v1/*`는 OpenAI의 형식 `{"error": {"message", "type", "param", "code"}}`으로, '
        "그 밖은 RFC 9457 `application/problem+json`으로 답합니다. `code`는 바뀌지 않으므로 "
        "프로그램은 `code`를 보고, 사람은 `message`를 봅니다. 스트리밍이 시작된 뒤의 오류는 "
        '`data: {"error": …}` 하나로 오며 `[DONE]`은 오지 않습니다.\n',
        "`/v1/*` answers in OpenAI's envelope, everything else in RFC 9457 problem details. "
        "`code` is stable: programs read it, people read `message`. After a stream has begun, an "
        'error is one `data: {"error": …}` event, and no `[DONE]` follows.\n',
        "| HTTP | code | type |",
        "|---|---|---|",
    ]
    ordered = sorted(rows.values(), key=lambda row: (row.status, row.code))
    lines += [f"| {row.status:d} | [`{row.code}`](#{row.code}) | {row.type} |" for row in ordered]
    for row in ordered:
        lines += ["", *_error_section(row, causes[row.code])]
    return "\n".join(lines) + "\n"


def _error_section(row: PublicError, cause: Mapping[str, str]) -> list[str]:
    korean, english = ASK[cause["ask"]]
    return [
        f"## `{row.code}`\n",
        f"HTTP {row.status:d} · `{row.type}`\n",
        f"> {row.korean}  ",
        f"> {row.english}\n",
        f"- **원인**: {cause['cause_ko']}",
        f"- **조치**: {cause['remedy_ko']}",
        f"- **문의**: {korean}",
        f"- Cause: {cause['cause']}",
        f"- Remedy: {cause['remedy']}",
        f"- Ask: {english}",
    ]


PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "errors.md": errors_page,
    "../helm/gwanmun/values.schema.json": chart_schema,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
