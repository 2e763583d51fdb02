"""Checks: pure functions over drafts and plans, each returning findings.

| code | what it forbids |
|---|---|
| PA101 | code in the plan |
| PA201 | sentences taken over from the specs |
| PA301 | work in the user interface |
| PA401 | an endpoint that no spec names |
| PA402 | an environment variable that neither the specs nor the checklist name |
| PA403 | a technology that neither the specs nor the checklist name |
| PA404 | a function or schema name that is not in the blueprint |
| PA501 | an obligation without a task |
| PA502 | a task that covers something unknown |
| PA601 | a task without a source |
| PA602 | a source that does not exist |
| PA603 | a source that does not speak of what the task covers |
| PA701 | a dependency cycle |
| PA702 | a need that is no task |
| PA703 | an id that is given twice |
| PA704 | a task that stands before one it needs |
| PA801 | a secret |
| PA901 | a placeholder |
| PA902 | an empty promise |
| PA903 | a done-when line that only restates the title |
| PA904 | a reference that does not resolve within the file |
| PA905 | a plan that says too much |
| PA906 | a line to be read of more than 1,000 characters, or a task that needs more than five places |
| PA907 | an item, task text or field that is missing or out of its bounds |
| PA908 | a spec status that an endpoint item dropped |
"""
