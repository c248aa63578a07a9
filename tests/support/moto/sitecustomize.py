"""Read by Python at its start (PYTHONPATH): what moto does otherwise than S3.

It ignores the conditions of bucket policies, so that a Deny for requests without TLS denies every request. Here requests count as
made over TLS 1.3, and such a statement does not apply.

It loses track of versions once versioning is suspended, which is what Terraform does before it empties and deletes a bucket.

Where it checks signatures, it does so over a query that was decoded on the way (a prefix with a slash does not match), and fails
on signed URLs, which have no Authorization header. Here the query is encoded again, and a signed URL is checked as S3 does:
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from urllib.parse import parse_qsl, quote, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
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


def encoded(query):
    pairs = parse_qsl(query, keep_blank_values=True)
    return "&".join(f"{quote(key, safe='-_.~')}={quote(value, safe='-_.~')}" for key, value in pairs if key != "X-Amz-Signature")


class S3Request(access_control.S3IAMRequest):
    def __init__(self, **kwargs):
        headers = kwargs["headers"]
        query = dict(parse_qsl(urlsplit(kwargs["path"]).query))
        self._is_signed_url = "Authorization" not in headers and "X-Amz-Signature" in query
        if self._is_signed_url:
            parts = (f"{name}={query[f'X-Amz-{name}']}" for name in ("Credential", "SignedHeaders", "Signature"))
            authorization = f"AWS4-HMAC-SHA256 {', '.join(parts)}"
            headers = {**dict(headers), "Authorization": authorization, "X-Amz-Date": query["X-Amz-Date"]}
        super().__init__(**{**kwargs, "headers": headers})

    def _create_aws_request(self):
        signed = self._get_string_between("SignedHeaders=", ",", self._headers["Authorization"]).split(";")
        url = urlsplit(self._path)
        request = AWSRequest(
            method=self._method,
            url=f"{url.path}?{encoded(url.query)}" if url.query else url.path,
            data=self._body or self._data,
            headers=self._create_headers_for_aws_request(signed, self._headers),
        )
        request.context["timestamp"] = self._headers["X-Amz-Date"]
        return request

    def _create_auth(self, credentials):
        return (SignedUrl if self._is_signed_url else S3SigV4Auth)(credentials, self._service, self._region)


class SignedUrl(S3SigV4Auth):
    def payload(self, request):
        return "UNSIGNED-PAYLOAD"


access_control.S3IAMRequest = S3Request
