"""The reader without a model: a shape is claimed only where it can be nothing else; the rest is handed on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from planagent.briefs.brief import HOST
from planagent.briefs.decision import Decision, Planned
from planagent.briefs.write import WriteStage
from planagent.cli import run
from planagent.corpus.read import read_corpus
from planagent.pipeline import previous_plan
from planagent.plan.graph import execution_order
from planagent.plan.markdown_in import parse
from planagent.plan.markdown_out import render
from planagent.plan.plan import Plan
from planagent.rules.settings import environment
from planagent.rules.tasks import _named_in
from planagent.rules.writer import write
from planagent.statements.statement import Statement
from tests.test_reading import corpus_of_text

PLAN = "plan/backend_implementation_plan.md"

Project = Callable[[dict[str, str]], Path]
ENV = "# Running\n\n```\nORDER_QUEUE=orders\n- RETRY_LIMIT=3\nif (STATE == DONE) x\n```\n"
LOOKED_UP = "# Code\n\n```ts\nconst a = process.env.API_TOKEN; const b = os.environ['MAIL_FROM'];\nSOME_CONSTANT = 5\n```\n"
TABLE = "# 環境\n\n設定は `.env` に置く。\n\n| 名前 | 値 |\n| --- | --- |\n| `DB_URL` | 必須 |\n\n# エラー\n\n| コード | 状態 |\n| --- | --- |\n| `NOT_FOUND` | 404 |\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (ENV, {"ORDER_QUEUE", "RETRY_LIMIT"}),
        (LOOKED_UP, {"API_TOKEN", "MAIL_FROM"}),
        (TABLE, {"DB_URL"}),
        ("# Shell\n\n```bash\nTOKEN=abc\n```\n", set()),
    ],
)
def test_a_name_in_capitals_is_a_setting_where_the_environment_has_it(text: str, names: set[str]) -> None:
    assert set(environment(corpus_of_text(text))) == names


def test_a_record_without_fields_is_what_its_lines_say() -> None:
    """A model may have read that something is kept, and no field of it; the rules write of it all the same."""
    bare = Statement("boat", "record", "must", "Boats are kept.", (("specs/a.md", "L3"),), "Boat")
    corpus = corpus_of_text("# A\n\nBoats are kept.\n")
    decision = Decision(tasks=(Planned("boats", 3, "Create the record", covers=("boat",)),))
    stage = WriteStage(corpus, decision, {"boat": bare})
    outcome = stage.accept(stage.parts, write(stage.brief(stage.parts, {}, HOST)), {}, by_rule=True)
    assert not outcome.findings


def planned(path: Path) -> Plan:
    assert run(["plan", "--offline", "-q", "-w", str(path)]) == 0
    found = previous_plan(path / "plan/backend_implementation_plan.md")
    assert found is not None
    return found


def test_a_word_with_a_number_is_an_id_where_there_is_a_series(project: Project) -> None:
    lines = "- Requirement 1: boats are kept\n- Requirement 2: boats are found. They are sorted.\n- PostgreSQL 15: the store\n"
    plan = planned(project({"specs/a.md": f"# A\n\n{lines}\n- **FR-7**: it MUST list boats by `GET /boats`\n"}))
    names = {s.name for s in plan.statements}
    assert {"Requirement 1", "Requirement 2"} <= names
    assert "PostgreSQL 15" not in names
    [second] = [s for s in plan.statements if s.name == "Requirement 2"]
    assert second.units == ("specs/a.md L4.1-L4.2",), "all sentences of its line go with it"


def test_comments_that_no_reader_sees_are_no_work(project: Project) -> None:
    plan = planned(project({"specs/a.md": "# A\n\n<!-- keep this in mind -->\n\nBoats are kept, see `GET /boats`.\n"}))
    assert any(reason == "context" and units == "L3" for a in plan.accounts for units, reason, _ in a.dismissed)
    assert not any("L3" in unit for s in plan.statements for unit in s.units)


def test_a_row_gives_its_constraints_and_leaves_sentences_where_they_stand(project: Project) -> None:
    table = "| field | type | rules | why |\n|---|---|---|---|\n| id | uuid | primary key | the name by which all others know it here |\n"
    plan = planned(project({"specs/a.md": f"# Data\n\n## Boat\n\n{table}| deck | text | | |\n\nSee `GET /boats`.\n"}))
    [boat] = [s for s in plan.statements if s.kind == "record"]
    assert boat.facts == ("field=id: uuid, primary key", "field=deck: text")


def test_what_is_named_by_others_comes_before_them(project: Project) -> None:
    tables = "CREATE TABLE trips (id INT, boat INT REFERENCES boats (id), next INT REFERENCES trips (id));\nCREATE TABLE boats (id INT);\n"
    circle = "CREATE TABLE eggs (hen INT REFERENCES hens (id));\nCREATE TABLE hens (egg INT REFERENCES eggs (id));\n"
    plan = planned(project({"specs/a.sql": tables + circle}))
    made = {t.title.rpartition(" ")[2]: t for t in plan.tasks if t.title.startswith("Create the record")}
    assert made["trips"].needs == (made["boats"].id,)
    assert made["boats"].needs == ()
    assert (made["eggs"].needs, made["hens"].needs) == ((), (made["eggs"].id,))


def test_records_that_all_name_each_other_are_put_in_an_order() -> None:
    """In no time, too: every path through them is not walked."""
    names = [f"table_{n}" for n in range(60)]
    facts = tuple(("field", f"r{m}: INT REFERENCES {m} (id)") for m in names)
    needs = _named_in([Statement(n, "record", "must", "", (), n, facts) for n in names])
    assert needs == {n: names[:at] for at, n in enumerate(names)}
    assert execution_order(needs, lambda n: (0, names.index(n))) == names


def test_verification_follows_the_operations(project: Project) -> None:
    plan = planned(project({"specs/a.md": "# A\n\n- `GET /boats` lists boats, 200\n\n## Else\n\nAll of it is fast.\n"}))
    [operations] = [t for t in plan.tasks if t.section == 5]
    tests = [t for t in plan.tasks if t.section == 9]
    assert tests
    assert all(operations.id in t.needs for t in tests)


def test_nothing_is_said_of_what_nobody_has_read(project: Project) -> None:
    plan = planned(project({"specs/a.md": "# A\n\n- `GET /boats`\n\n## Authentication\n\nEverybody signs in first.\n"}))
    text = render(plan)
    assert "The specs ask for nothing here" not in text
    assert "nobody has read" in text
    [item] = next(s for s in plan.sections if s.number == 5).items
    assert [r.label for r in item.rows] == ["Entry point"], "no response where none is told"
    structure, handed_on = 2, 2
    assert plan.read_share == f"0 of 4 units of the specs were read, {structure} are structure; {handed_on} are handed on as they stand"


@pytest.mark.parametrize(("line", "left_out"), [("Boats MUST be written in Go.", False), ("[PRINCIPLE_5_NAME] is kept.", True)])
def test_a_template_in_which_somebody_wrote_is_read(project: Project, line: str, *, left_out: bool) -> None:
    places = "".join(f"## [PRINCIPLE_{n}_NAME]\n\n[PRINCIPLE_{n}_DESCRIPTION]\n<!-- Example: {n} -->\n\n" for n in range(4))
    path = project(
        {".specify/memory/constitution.md": f"# [PROJECT_NAME] Constitution\n\n{places}{line}\n", "specs/a.md": "# A\n\n- `GET /a`\n"}
    )
    document = read_corpus(path).document(".specify/memory/constitution.md")
    assert document is not None
    assert bool(document.left_out) is left_out
    if not left_out:
        steps = " ".join(s for t in planned(path).tasks for s in t.steps)
        assert "#principle_3_name (L23)" in steps
        assert "#principle_0_name" not in steps, "what nobody filled is no work"


TYPED = "- `id`: uuid\n- `name`: string, optional\n- seats (integer, default 4): how many it takes\n"
ORDERED = "| # | Typ | Feld |\n|---|---|---|\n| 1 | UUID PK | id |\n| 2 | TEXT | name |\n"


@pytest.mark.parametrize(
    ("text", "name", "fields"),
    [
        (f"# Daten\n\n## Boot\n\n{TYPED}", "Boot", ("id: uuid", "name: string, optional", "seats: integer, default 4")),
        (f"# 資料\n\n### 2.1 資料表：boats\n\n{ORDERED}", "boats", ("id: UUID PK", "name: TEXT")),
        ("# Data\n\n- **Boat**:\n  - id: uuid\n  - name: string\n\nBoats are kept.\n", "Boat", ("id: uuid", "name: string")),
        (f"# Daten\n\n## Die Boote im Hafen\n\n{ORDERED}", "Die Boote im Hafen", ("id: UUID PK", "name: TEXT")),
    ],
)
def test_names_with_types_below_a_name_are_a_record(text: str, name: str, fields: tuple[str, ...], project: Project) -> None:
    plan = planned(project({"specs/a.md": f"{text}\n# Rest\n\n- `GET /boats`\n"}))
    [record] = [s for s in plan.statements if s.kind == "record"]
    assert record.name == name
    assert record.facts == tuple(f"field={f}" for f in fields)
    assert any(t.title == f"Create the record {name}" for t in plan.tasks)


@pytest.mark.parametrize(
    "text",
    [
        f"## POST /boats\n\n### Body\n\n{TYPED}",
        f"## One\n\n### Body\n\n{TYPED}\n## Two\n\n### Body\n\n{TYPED}",
        "## Times\n\n- morning: the text is read\n- evening: the boats are counted\n",
        "## Codes\n\n| code | when |\n|---|---|\n| A1 | too late |\n| B2 | too early |\n",
    ],
)
def test_what_an_operation_takes_and_other_lists_are_no_records(text: str, project: Project) -> None:
    plan = planned(project({"specs/a.md": f"# A\n\n{text}\n# Rest\n\n- `GET /boats`\n"}))
    assert not [s for s in plan.statements if s.kind == "record"]


def test_a_thing_that_is_only_sent_is_no_table(project: Project) -> None:
    plan = planned(project({"specs/a.md": f"# A\n\n## BoatResponse\n\n{TYPED}\n# Rest\n\n- `GET /boats`\n"}))
    assert [t.title for t in plan.tasks if t.phase == "Data"] == ["Define the messages"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "# Landing\n\n## Hero\n\nThe page MUST greet. It is made with HTML and CSS, no server.\n\n## Data\n\n- id: string\n- name: string\n",
            4,
        ),
        ("# 대기열\n\n- **FR-1**: PostgreSQL에 주문을 저장해야 한다.\n", 0),
        ("# Queue\n\n- **FR-1**: `GET /orders` MUST list the orders.\n", 0),
        ("# Queue\n\n- **FR-1**: orders MUST be kept.\n", 0),
        ("# Queue\n\n- **FR-1**: orders MUST be kept in localStorage.\n", 4),
        ("# Queue\n\n```sql\nCREATE TABLE orders (id INT);\n```\n", 0),
    ],
)
def test_without_a_name_that_runs_on_a_server_there_is_no_backend(
    text: str, code: int, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["plan", "--offline", "-q", "-w", str(project({"specs/a.md": text}))]) == code
    if code:
        assert "specs/a.md" in capsys.readouterr().err, "it says what was looked at"


def test_wide_tables_and_a_web_of_tables_are_planned(project: Project) -> None:
    """Bounds are there against runaway answers; what a contract defines is as long as it is."""
    wide = f"CREATE TABLE wide ({', '.join(f'column_{n} INT' for n in range(90))});"
    web = "\n".join(
        f"CREATE TABLE t{n} (id INT, {', '.join(f'r{m} INT REFERENCES t{m} (id)' for m in range(38) if m != n)});" for n in range(38)
    )
    plan = planned(project({"specs/a.sql": f"{wide}\n{web}\n"}))
    assert len([t for t in plan.tasks if t.title.startswith("Create the record")]) == 39


BASE = "# A\n\nPython.\n\n"


def operations(plan: Plan) -> set[str]:
    return {s.name for s in plan.statements if s.kind == "operation"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("| ما | الطريقة | المسار |\n|---|---|---|\n| قائمة | GET | /boats?sort= |\n", {"GET /boats"}),
        (
            "| Pfad | Wozu | Methode |\n|---|---|---|\n| `/boats/{id}` | lesen, löschen | GET, DELETE |\n",
            {"GET /boats/{id}", "DELETE /boats/{id}"},
        ),
        ("`PUT /boats/:id`, `DELETE /boats/:id` · `GET|PATCH /me`\n", {"PUT /boats/:id", "DELETE /boats/:id", "GET /me", "PATCH /me"}),
        ("## 新增\n\n- 方法：POST\n- 路徑：`/boats`\n", {"POST /boats"}),
        ("`POST https://mail.example/send`, `GET /boats/17`, `GET /boats/*`\n", set()),
    ],
)
def test_methods_and_paths_are_operations_in_any_order_and_language(text: str, names: set[str], project: Project) -> None:
    assert operations(planned(project({"specs/a.md": f"{BASE}{text}"}))) == names


def test_a_base_path_that_a_contract_leaves_to_its_servers_makes_no_second_operation(project: Project) -> None:
    contract = "openapi: 3.0.0\nservers:\n  - url: https://a.example/v1\n  - url: http://localhost/api/v1\npaths:\n  /boats:\n    get:\n      responses:\n        '200': {description: ok}\n"
    prose = "# A\n\n- `GET /api/v1/boats` lists boats\n- `GET /admin/boats` lists all\n"
    assert operations(planned(project({"specs/api.yaml": contract, "specs/a.md": prose}))) == {"GET /boats", "GET /admin/boats"}


def test_a_contract_may_go_on_in_other_files(project: Project) -> None:
    files = {
        "api/openapi.yaml": "openapi: 3.0.0\npaths:\n  /boats:\n    $ref: './paths/boats.yaml#/all'\n",
        "api/paths/boats.yaml": "all:\n  get:\n    responses:\n      '200':\n        content:\n          application/json:\n            schema: {$ref: '../schemas/Boat.yaml'}\n",
        "api/schemas/Boat.yaml": "type: object\nproperties:\n  name: {type: string, maxLength: 80}\n",
        "docs/요구.md": "# 요구\n\n- 배는 이름이 있다.\n",
        "docker-compose.yml": "services:\n  web: {image: nginx}\n",
    }
    plan = planned(project(files))
    [boats] = [s for s in plan.statements if s.kind == "operation"]
    assert boats.name == "GET /boats"
    assert "answer 200=Boat" in boats.facts
    [boat] = [s for s in plan.statements if s.kind == "record"]
    assert (boat.name, boat.facts) == ("Boat", ("store=message", "field=name: string, optional, maxLength 80"))
    assert "docs/요구.md" in plan.documents, "a name in another language hides no text"
    assert not any("docker-compose" in d for d in plan.documents)


def test_names_of_settings_are_told_by_their_ends(project: Project) -> None:
    lines = "- `SHIP_LISTEN` … 주소\n- `SHIP_DATA_DIR` … 위치\n- **SHIP_TURN_SECONDS** – 45\n"
    codes = "| 코드 | HTTP |\n|---|---|\n| TOKEN_INVALID | 401 |\n| HOST_UNKNOWN | 404 |\n"
    plan = planned(project({"specs/a.md": f"{BASE}## 설정\n\n{lines}\n## 오류\n\n{codes}\n## 웹\n\n`VITE_API_URL`, `VITE_MAP_KEY`\n"}))
    assert {s.name for s in plan.statements if s.kind == "setting"} == {"SHIP_LISTEN", "SHIP_DATA_DIR", "SHIP_TURN_SECONDS"}


def test_terms_over_definitions_are_fields(project: Project) -> None:
    plan = planned(project({"specs/a.md": f"{BASE}## boats\n\nberth_id\n: wo es liegt\n\nseats\n: wie viele\n"}))
    [boats] = [s for s in plan.statements if s.kind == "record"]
    assert boats.facts == ("field=berth_id: wo es liegt", "field=seats: wie viele")


def test_a_heading_that_comes_again_names_a_part_of_what_stands_above_it(project: Project) -> None:
    tables = "".join(f"## {n}\n\n### Fields\n\n{ORDERED}\n" for n in ("Boat", "Berth"))
    plan = planned(project({"specs/a.md": f"{BASE}{tables}"}))
    assert {s.name for s in plan.statements if s.kind == "record"} == {"Boat", "Berth"}


def test_of_a_client_only_what_it_defines_is_taken(project: Project) -> None:
    calls = "# Client\n\n## Calls\n\n| call | page |\n|---|---|\n| `GET /berths` | start |\n\n## Button\n\nIt MUST be blue.\n"
    contract = "# API\n\n### Add\n\n**Endpoint**: `POST /boats`\n\nAnswers 201.\n"
    plan = planned(project({"frontend/specs/calls.md": calls, "frontend/specs/api.md": contract, "specs/a.md": f"{BASE}All is fast.\n"}))
    assert operations(plan) == {"POST /boats"}
    assert any(t.title.startswith("Provide") for t in plan.tasks)
    assert not any("calls.md" in s.path for t in plan.tasks for s in t.sources)
    assert ", 3 are passed over for their place;" in plan.read_share


def test_what_a_file_defines_tells_when_the_rest_of_it_is_done(project: Project) -> None:
    files = {
        "specs/api.md": "# API\n\n- `GET /boats`\n- `POST /boats`\n\n## Sorting\n\nBy name.\n",
        "specs/data.md": f"# Data\n\n## boats\n\n{ORDERED}\n## Indexes\n\nOn names.\n",
        "specs/env.md": "# Environment\n\n- `DB_URL` - the store\n\n## Stack\n\nPython.\n",
    }
    titles = [t.title for t in planned(project(files)).tasks]
    order = [
        "Read the settings",
        "Work by `specs/env.md#stack`",
        "Create the record boats",
        "Work by `specs/data.md#indexes`",
        "Provide the operations on boats",
    ]
    assert titles[:6] == [*order, "Work by `specs/api.md#sorting`"]


def test_what_a_constitution_defines_has_its_own_section(project: Project) -> None:
    rules = f"# Rules\n\nKeep it small.\n\n## Environment\n\n`DB_URL` is read.\n\n## boats\n\n{ORDERED}\n## API\n\n- `GET /boats`\n- `POST /boats`\n"
    plan = planned(project({"CONSTITUTION.md": rules, "specs/a.md": f"{BASE}All is fast.\n"}))
    assert {s.number: [i.title for i in s.items] for s in plan.sections if s.items} == {
        2: ["DB_URL"], 3: ["boats"], 5: ["GET /boats", "POST /boats"],
    }  # fmt: skip


def test_entries_of_a_table_of_contents_are_no_work(project: Project) -> None:
    plan = planned(project({"specs/a.md": f"{BASE}- [One](#one)\n- [Two](#two)\n\n## One\n\n`GET /boats`\n"}))
    assert any(reason == "structure" and "L5-L" in units for a in plan.accounts for units, reason, _ in a.dismissed)
    assert not any("L5" in u or "L6" in u for s in plan.statements for u in s.units)


def test_an_open_question_is_quoted_and_its_answer_reaches_the_tasks_of_its_place(project: Callable[[dict[str, str]], Path]) -> None:
    path = project({
        "specs/a.md": "# Boats\n\n## Listing\n\n- **FR-001**: A guest MUST list boats by `GET /boats`.\n\n[NEEDS CLARIFICATION: may guests list them?]\n",
        "specs/b.md": "# Piers\n\n- **FR-009**: A pier MUST be shown by `GET /piers`.\n",
    })  # fmt: skip
    assert run(["plan", "-q", "--offline", "-w", str(path)]) == 0
    plan = parse((path / PLAN).read_text())
    [ruling] = plan.rulings
    assert "may guests list them?" in ruling.statement
    [task] = [t for t in plan.tasks if ruling.id in t.rulings]
    assert "get-boats" in task.covers
    assert run(["decide", ruling.id, "only members", "-w", str(path)]) == 0
    assert run(["plan", "-q", "--offline", "-w", str(path)]) == 0
    text = (path / PLAN).read_text()
    assert f"- Confirmed, rests on it: {task.id}" in text
    assert parse(text).rulings[0].waits
    assert run(["check", "-w", str(path)]) == 0


def test_an_answer_belongs_to_the_words_of_its_question(project: Callable[[dict[str, str]], Path]) -> None:
    first, second = "[NEEDS CLARIFICATION: may two boats share a berth?]", "[NEEDS CLARIFICATION: what currency is used?]"
    text = f"# Boats\n\n- **FR-001**: A guest MUST list boats by `GET /boats`.\n\n{first}\n\n{second}\n"
    path = project({"specs/a.md": text})
    assert run(["plan", "-q", "--offline", "-w", str(path)]) == 0

    def answers() -> dict[str, str]:
        return {r.statement.partition("“")[2]: r.answer for r in parse((path / PLAN).read_text()).rulings if r.letter == "G"}

    ids = {r.statement: r.id for r in parse((path / PLAN).read_text()).rulings}
    share, currency = (next(i for told, i in ids.items() if word in told) for word in ("berth", "currency"))
    assert run(["decide", share, "one boat to a berth", "-w", str(path)]) == 0
    assert run(["decide", currency, "euro", "-w", str(path)]) == 0
    assert run(["plan", "-q", "--offline", "-w", str(path)]) == 0
    assert sorted(answers().values()) == ["euro", "one boat to a berth"]
    (path / "specs/a.md").write_text(text.replace(f"{first}\n\n", ""))
    assert run(["plan", "-q", "--offline", "-w", str(path)]) == 0
    assert list(answers().values()) == ["euro"]
    (path / "specs/a.md").write_text(text.replace(f"{first}\n\n", "").replace("what currency is used", "how long does a booking last"))
    assert run(["plan", "-q", "--offline", "-w", str(path)]) == 0
    assert list(answers().values()) == [""], "another question has no answer yet"


def test_one_question_at_several_places_is_one(project: Callable[[dict[str, str]], Path]) -> None:
    text = "# Boats\n\n- **FR-001**: A guest MUST list boats by `GET /boats`.\n\n[NEEDS CLARIFICATION: who?]\n"
    path = project({"specs/001-a/spec.md": text, "specs/002-b/spec.md": text.replace("boats", "piers")})
    assert run(["plan", "-q", "--offline", "-w", str(path)]) == 0
    plan = parse((path / PLAN).read_text())
    [ruling] = plan.rulings
    assert len(ruling.about) == 2
    assert "specs/001-a/spec.md:5 and 1 more" in ruling.title
    assert sum(ruling.id in t.rulings for t in plan.tasks) == 2
    assert run(["check", "-w", str(path)]) == 0


def test_a_rule_of_the_project_that_names_an_operation_binds_them_all(project: Callable[[dict[str, str]], Path]) -> None:
    path = project({
        "specs/constitution.md": "# Constitution\n\n- Every route but `GET /health` requires a valid token.\n",
        "specs/a.md": "# Boats\n\n- **FR-001**: `GET /boats` lists boats.\n",
    })  # fmt: skip
    assert run(["plan", "-q", "--offline", "-w", str(path)]) == 0
    plan = parse((path / PLAN).read_text())
    line = next(s.key for s in plan.statements if s.kind == "rule" and "specs/constitution.md L3" in s.units)
    assert plan.tasks[0].covers == (line,)
    assert plan.tasks[0].section == 1
    assert any("get-health" in t.covers for t in plan.tasks[1:])


def test_rules_pretend_no_scope(project: Callable[[dict[str, str]], Path], capsys: pytest.CaptureFixture[str]) -> None:
    path = project({"specs/a.md": "# Boats\n\n- **FR-001**: A guest MUST list boats by `GET /boats`.\n"})
    assert run(["plan", "-q", "--offline", "--scope", "phase 2", "-w", str(path)]) == 2
    assert "phase 2" in capsys.readouterr().err
    assert not (path / PLAN).exists()
