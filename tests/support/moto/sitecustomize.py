"""Read by Python at its start (PYTHONPATH): two things that moto does otherwise than S3.

It ignores the conditions of bucket policies, so that a Deny for requests without TLS denies every request. Here requests count as
made over TLS 1.3, and such a statement does not apply.

It loses track of versions once versioning is suspended, which is what Terraform does before it empties and deletes a bucket.
"""

from moto.iam import access_control
from moto.s3 import models

TLS_CONDITIONS = ("aws:SecureTransport", "s3:TlsVersion")
evaluate = access_control.IAMPolicyStatement.is_action_permitted


def is_action_permitted(self, *args, **kwargs):
    keys = [key for operands in self._statement.get("Condition", {}).values() for key in operands]
    if self._statement["Effect"] == "Deny" and any(key in TLS_CONDITIONS for key in keys):
        return access_control.PermissionResult.NEUTRAL
    return evaluate(self, *args, **kwargs)


access_control.IAMPolicyStatement.is_action_permitted = is_action_permitted
models.FakeBucket.is_versioned = property(lambda self: self.versioning_status is not None)
