from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cxr_agent.batch.ray.placing import Need, Node, Share, shares

CORE = Need(cpus=1, gpus=0, lanes=1)


def test_a_reader_for_each_core_and_what_feeds_it_on_the_same_machine() -> None:
    nodes = [Node("a", 8, 0), Node("b", 2, 0), Node("head", 0, 0)]
    assert shares(nodes, CORE, None) == {"a": Share(2, 8), "b": Share(1, 2)}


def test_fewer_readers_are_spread() -> None:
    nodes = [Node("a", 8, 0), Node("b", 8, 0)]
    assert shares(nodes, CORE, 3) == {"a": Share(1, 2), "b": Share(1, 1)}


def test_machines_without_a_gpu_decode_for_those_with_one() -> None:
    nodes = [Node("gpu", 16, 1), Node("cpu", 4, 0)]
    assert shares(nodes, Need(cpus=1, gpus=0.25, lanes=2), None) == {
        "cpu": Share(2, 0),
        "gpu": Share(0, 4),
    }


def test_a_gpu_machine_alone_decodes_too() -> None:
    assert shares([Node("gpu", 16, 2)], Need(cpus=2, gpus=0.5, lanes=2), None) == {
        "gpu": Share(2, 4)
    }


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)), max_size=5),
    st.sampled_from([0.0, 0.5]),
    st.none() | st.integers(1, 20),
)
def test_no_machine_gets_more_than_it_has(
    machines: list[tuple[int, int]], gpus: float, most: int | None
) -> None:
    nodes = [Node(str(n), cpus, own) for n, (cpus, own) in enumerate(machines)]
    dealt = shares(nodes, Need(1, gpus, 1), most)
    for node in nodes:
        share = dealt.get(node.id, Share())
        assert share.readers <= node.cpus
        assert share.readers * gpus <= node.gpus or not gpus
    readers = sum(share.readers for share in dealt.values())
    loaders = sum(share.loaders for share in dealt.values())
    assert readers <= (most or readers)
    assert (loaders > 0) == (readers > 0)
