import pytest

from rehearsal.plugins.kubernetes.errors import ApiError, refused
from rehearsal.plugins.kubernetes.objects import Manifest

OBJECT: Manifest = {"kind": "Deployment", "metadata": {"namespace": "shop", "name": "web"}}


def conflict(*fields: tuple[str, str]) -> ApiError:
    causes = tuple(
        {"reason": "FieldManagerConflict", "message": f'conflict with "{manager}" using apps/v1', "field": field}
        for manager, field in fields
    )
    return ApiError(status=409, reason="Conflict", message="Apply failed with 2 conflicts", causes=causes)


def test_a_conflict_names_the_fields_the_other_managers_and_the_ways_out() -> None:
    error = refused(conflict(("kubectl-edit", ".spec.replicas"), ("hpa", ".spec.x")), OBJECT, "update")
    assert error.problem == (
        "cannot update Deployment shop/web: another field manager owns what it sets: "
        "spec.replicas (by 'kubectl-edit'); spec.x (by 'hpa')"
    )
    assert 'pulumi.com/patchForce: "true"' in error.remedy


@pytest.mark.parametrize(
    ("status", "reason", "message", "problem", "remedy"),
    [
        (404, "NotFound", 'namespaces "shop" not found', "namespace 'shop' does not exist", "dependsOn"),
        (403, "Forbidden", "unable to create new content in namespace shop because it is being terminated",
         "namespace 'shop' is being deleted", "wait until it is gone"),
        (403, "Forbidden", 'pods "x" is forbidden: violates PodSecurity "restricted:latest"', "violates PodSecurity",
         "pod-security.kubernetes.io/enforce"),
        (403, "Forbidden", 'pods "x" is forbidden: exceeded quota: q', "exceeded quota", "describe resourcequota"),
        (422, "Invalid", "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no", "denied request: no",
         "ValidatingAdmissionPolicy"),
        (400, "", 'admission webhook "w" denied the request: no', 'admission webhook "w"', "webhook"),
        (500, "InternalError", 'failed calling webhook "w": connection refused', "failed calling webhook",
         "see whether the webhook's own pods run"),
        (403, "Forbidden", 'deployments.apps is forbidden: User "u" cannot patch', 'User "u" cannot patch', "RBAC"),
        (409, "AlreadyExists", "Deployment 'web' is there", "it exists already", "alias"),
        (422, "Invalid", "spec.selector: Invalid value: {}: field is immutable", "field is immutable",
         "replaceOnChanges"),
        (500, "", ".spec.foo: field not declared in schema", ".spec.foo", "no such field"),
        (422, "Invalid", "spec.x: Required value", "spec.x: Required value", "correct the resource's properties"),
    ],
)  # fmt: skip
def test_each_refusal_is_one_message_with_the_resource_and_a_remedy(
    status: int, reason: str, message: str, problem: str, remedy: str
) -> None:
    error = refused(ApiError(status=status, reason=reason, message=message), OBJECT, "create")
    assert error.problem.startswith("cannot create Deployment shop/web: ")
    assert problem in error.problem
    assert remedy in error.remedy
