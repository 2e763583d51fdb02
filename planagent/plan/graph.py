"""The task graph: order, waves, critical path, cycles."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=str)


def shortest_cycle(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """The shortest cycle as `[a, b, a]`, or an empty list. Breadth first from every node: O(V·E)."""
    best: list[str] = []
    for start in needs:
        parents: dict[str, str] = {}
        frontier = [start]
        while frontier and (not best or len(parents) < len(needs) + 1):
            follow: list[str] = []
            for node in frontier:
                for target in needs.get(node, ()):
                    if target == start:
                        path = [node]
                        while path[-1] != start:
                            path.append(parents[path[-1]])
                        cycle = [start, *reversed(path[:-1]), start] if len(path) > 1 else [start, start]
                        if not best or len(cycle) < len(best):
                            best = cycle
                        follow = []
                        break
                    if target not in parents and target in needs:
                        parents[target] = node
                        follow.append(target)
                else:
                    continue
                break
            frontier = follow
    return best


def reaches(needs: Mapping[Key, Sequence[Key]], start: Key, wanted: Key) -> bool:
    """True when a key needs another one, at once or through others."""
    seen, ahead = {start}, [start]
    while ahead:
        for name in needs.get(ahead.pop(), ()):
            if name == wanted:
                return True
            if name not in seen:
                seen.add(name)
                ahead.append(name)
    return False


def execution_order(needs: Mapping[str, Sequence[str]], rank: Callable[[str], tuple[int, int]]) -> list[str]:
    """Every key after all that it needs; among ready ones the lowest rank first. Unknown needs are ignored.

    Raises:
        ValueError: the graph has a cycle; the message names the shortest.
    """
    waiting = {key: {n for n in wants if n in needs} for key, wants in needs.items()}
    users: dict[str, list[str]] = {key: [] for key in needs}
    for key, wants in waiting.items():
        for want in wants:
            users[want].append(key)
    heap = [(rank(key), key) for key, wants in waiting.items() if not wants]
    heapq.heapify(heap)
    order: list[str] = []
    while heap:
        _, key = heapq.heappop(heap)
        order.append(key)
        for user in users[key]:
            waiting[user].discard(key)
            if not waiting[user]:
                heapq.heappush(heap, (rank(user), user))
    if len(order) != len(needs):
        raise ValueError("dependency cycle: " + " → ".join(shortest_cycle(needs)))
    return order


def waves(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Groups that can run side by side: each key in the first wave after all it needs."""
    level: dict[str, int] = {}
    for key in execution_order(needs, lambda _: (0, 0)):
        level[key] = 1 + max((level[n] for n in needs[key] if n in level), default=-1)
    found: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for key in needs:
        found[level[key]].append(key)
    return found


def critical_path(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """The longest chain of needs, each task counting as one; the first such chain in the given order."""
    length: dict[str, int] = {}
    before: dict[str, str] = {}
    for key in execution_order(needs, lambda _: (0, 0)):
        length[key] = 1
        for need in needs[key]:
            if need in length and length[need] + 1 > length[key]:
                length[key], before[key] = length[need] + 1, need
    if not length:
        return []
    key = max(needs, key=lambda k: length[k])
    path = [key]
    while path[-1] in before:
        path.append(before[path[-1]])
    return path[::-1]
