import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.plugins.kubernetes.diff import Change, compare, differences, ignored, parse_path
from rehearsal.plugins.kubernetes.objects import AUTONAMED, Manifest, show_path
from rehearsal.plugins.wire import UNKNOWN

KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\\"), min_size=1, max_size=6)
SCALARS = st.booleans() | st.integers(-5, 5) | st.text(max_size=4)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


def manifest(api_version: str, kind: str, **rest: object) -> Manifest:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x", "namespace": "n"}, **rest}


def changes(old: Manifest, new: Manifest) -> dict[str, tuple[Change, bool]]:
    return {show_path(change.path): (change.change, change.replaces) for change in compare(old, new).changes}


@given(VALUES)
def test_a_value_does_not_differ_from_itself(value: object) -> None:
    assert list(differences(value, value)) == []


@given(VALUES, VALUES)
def test_applying_all_differences_to_the_old_value_makes_the_new_one(old: object, new: object) -> None:
    result = {"root": old}
    removed: list[tuple[list[object], int]] = []
    for path, change, was, now in differences({"root": old}, {"root": new}):
        parent: object = result
        for step in path[:-1]:
            parent = parent[step]  # type: ignore[index]
        if change is Change.DELETE:
            assert parent[path[-1]] == was  # type: ignore[index]
            if isinstance(parent, list):
                removed.append((parent, path[-1]))  # type: ignore[arg-type]
            else:
                del parent[path[-1]]  # type: ignore[attr-defined]
        elif isinstance(parent, list) and change is Change.ADD:
            parent.append(now)
        else:
            parent[path[-1]] = now  # type: ignore[index]
    for items, index in sorted(removed, key=lambda entry: -entry[1]):
        del items[index]
    assert result == {"root": new}


@given(st.lists(KEYS | st.integers(0, 9), min_size=1, max_size=5))
def test_a_property_path_survives_being_written_and_read(path: list[str | int]) -> None:
    steps = ("start", *path)
    assert parse_path(show_path(steps)) == steps


def test_true_is_not_one_and_null_is_absent() -> None:
    assert [path for path, *_ in differences({"a": True, "b": None}, {"a": 1})] == [("a",)]


def test_a_value_that_is_not_known_yet_counts_as_changed() -> None:
    assert list(differences({"a": 1}, {"a": UNKNOWN, "b": UNKNOWN})) == [
        (("a",), Change.UPDATE, 1, UNKNOWN),
        (("b",), Change.ADD, None, UNKNOWN),
    ]


def test_a_changed_image_is_an_update_at_its_own_path() -> None:
    def deployment(image: str) -> Manifest:
        containers = [{"name": "app", "image": image}]
        return manifest("apps/v1", "Deployment", spec={"template": {"spec": {"containers": containers}}})

    assert changes(deployment("a:1"), deployment("a:2")) == {
        "spec.template.spec.containers[0].image": (Change.UPDATE, False)
    }


@pytest.mark.parametrize(
    ("api_version", "kind", "old", "new", "path"),
    [
        ("apps/v1", "Deployment", {"selector": {"matchLabels": {"a": "1"}}}, {"selector": {"matchLabels": {"a": "2"}}},
         "spec.selector.matchLabels.a"),
        ("apps/v1", "StatefulSet", {"serviceName": "a"}, {"serviceName": "b"}, "spec.serviceName"),
        ("batch/v1", "Job", {"template": {"spec": {"x": 1}}}, {"template": {"spec": {"x": 2}}}, "spec.template.spec.x"),
        ("v1", "Service", {"clusterIP": "None"}, {"type": "ClusterIP"}, "spec.clusterIP"),
        ("v1", "PersistentVolumeClaim", {"accessModes": ["ReadWriteOnce"]}, {"accessModes": ["ReadWriteMany"]},
         "spec.accessModes[0]"),
        ("v1", "Pod", {"containers": [{"image": "a"}]}, {"containers": [{"image": "b"}]}, "spec.containers[0].image"),
    ],
)  # fmt: skip
def test_a_fixed_property_of_a_kind_replaces_it(
    api_version: str, kind: str, old: object, new: object, path: str
) -> None:
    found = changes(manifest(api_version, kind, spec=old), manifest(api_version, kind, spec=new))
    assert found[path][1]


@pytest.mark.parametrize(
    ("api_version", "kind", "old", "new"),
    [
        ("v1", "Service", {"type": "ClusterIP"}, {"type": "NodePort"}),
        ("v1", "PersistentVolumeClaim", {"resources": {"requests": {"storage": "1Gi"}}},
         {"resources": {"requests": {"storage": "2Gi"}}}),
        ("apps/v1", "StatefulSet", {"replicas": 1}, {"replicas": 2}),
        ("policy/v1", "PodDisruptionBudget", {"minAvailable": 1}, {"minAvailable": 2}),
        ("example.org/v1", "Deployment", {"selector": 1}, {"selector": 2}),
    ],
)  # fmt: skip
def test_any_other_property_is_updated_in_place(api_version: str, kind: str, old: object, new: object) -> None:
    found = compare(manifest(api_version, kind, spec=old), manifest(api_version, kind, spec=new))
    assert found.changes
    assert found.replaces == ()


def test_a_role_reference_replaces_its_binding() -> None:
    old = manifest("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={"name": "a"})
    new = manifest("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={"name": "b"})
    assert compare(old, new).replaces == (("roleRef", "name"),)


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret"])
def test_changed_data_replaces_unless_the_provider_allows_mutation(kind: str) -> None:
    old, new = manifest("v1", kind, data={"a": "MQ=="}), manifest("v1", kind, data={"a": "Mg=="})
    assert compare(old, new).replaces == (("data", "a"),)
    assert compare(old, new, mutable_config_maps=True, mutable_secrets=True).replaces == ()


def test_an_immutable_config_map_is_replaced_even_where_mutation_is_allowed() -> None:
    old = manifest("v1", "ConfigMap", data={"a": "1"}, immutable=True)
    new = manifest("v1", "ConfigMap", data={"a": "2"}, immutable=True)
    assert compare(old, new, mutable_config_maps=True).replaces == (("data", "a"),)


def test_adding_a_branch_with_a_fixed_property_inside_replaces() -> None:
    old, new = manifest("apps/v1", "Deployment"), manifest("apps/v1", "Deployment", spec={"selector": {"a": "b"}})
    assert changes(old, new) == {"spec": (Change.ADD, True)}
    assert changes(old, manifest("apps/v1", "Deployment", spec={"replicas": 1})) == {"spec": (Change.ADD, False)}


def test_a_replacement_in_place_deletes_first_unless_pulumi_made_the_name() -> None:
    old, new = manifest("v1", "Service", spec={"clusterIP": "a"}), manifest("v1", "Service", spec={"clusterIP": "b"})
    assert compare(old, new).delete_first
    new["metadata"] = {**new["metadata"], "annotations": {AUTONAMED: "true"}}
    assert not compare(old, new).delete_first


def test_a_replacement_under_another_name_does_not_delete_first() -> None:
    new = manifest("v1", "Service")
    new["metadata"] = {"name": "y", "namespace": "n"}
    found = compare(manifest("v1", "Service"), new)
    assert found.replaces == (("metadata", "name"),)
    assert not found.delete_first


def test_a_namespace_that_only_one_side_names_is_no_change() -> None:
    new = manifest("example.org/v1", "Thing")
    new["metadata"] = {"name": "x"}
    assert compare(manifest("example.org/v1", "Thing"), new).changes == ()


def test_another_version_of_the_same_group_is_an_update_and_another_group_a_replacement() -> None:
    old = manifest("gateway.networking.k8s.io/v1beta1", "HTTPRoute")
    assert compare(old, manifest("gateway.networking.k8s.io/v1", "HTTPRoute")).replaces == ()
    assert compare(old, manifest("example.org/v1", "HTTPRoute")).replaces == (("apiVersion",),)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("spec.replicas", True), ("spec", False), ("spec.template.x", False), ("spec.ports[0].name", True)],
)
def test_ignoring_covers_a_path_and_what_is_below_it(path: str, expected: bool) -> None:
    assert ignored(parse_path(path), [parse_path("spec.replicas"), parse_path("spec.ports[*].name")]) is expected
