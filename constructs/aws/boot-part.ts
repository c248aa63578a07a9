import type { BootCloudPart } from '../shared/boot-script.ts';

export interface AwsBootPartProps {
  readonly region: string;
  /** The bucket with the image archive. */
  readonly bucketName: string;
  readonly bucketRegion: string;
  readonly imageKey: string;
  /** EBS volume with the data. */
  readonly dataVolumeId: string;
  /** Device name that the volume is attached under, which machines without NVMe show as it is. */
  readonly dataDeviceName: string;
  /** Secret that takes the first user's password. */
  readonly accessSecretId: string;
  /**
   * Secret with the certificate.
   *
   * @default - the server makes its own certificate
   */
  readonly certificateSecretId?: string;
}

/** What the boot script does with the identity of an EC2 instance. */
export function awsBootPart(props: AwsBootPartProps): BootCloudPart {
  return {
    fetchesCertificate: props.certificateSecretId !== undefined,
    functions: `readonly REGION='${props.region}'
readonly BUCKET_REGION='${props.bucketRegion}'
readonly IMAGE_PATH='${props.bucketName}/${props.imageKey}'
readonly DATA_VOLUME='${props.dataVolumeId}'
readonly DATA_DEVICE='${props.dataDeviceName}'
readonly ACCESS_SECRET='${props.accessSecretId}'
readonly CERTIFICATE_SECRET='${props.certificateSecretId ?? ''}'
${AWS_FUNCTIONS}`,
  };
}

/**
 * Requests are signed by curl with the role of the instance, through version 2 of the metadata service
 * (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html). Credentials go to curl by standard
 * input: every user of a machine can read the arguments of its programs.
 */
const AWS_FUNCTIONS = String.raw`
metadata() {
  local token service=http://169.254.169.254/latest
  token=$(curl -fsS --max-time 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$service/api/token") || return 1
  curl -fsS --max-time 5 -K - "$service/meta-data/$1" <<<"header = \"X-aws-ec2-metadata-token: $token\""
}

# signed SERVICE REGION: prints options for curl that sign a request to a service of AWS
signed() {
  local role
  role=$(metadata iam/security-credentials/) || return 1
  metadata "iam/security-credentials/$role" | python3 -c '
import json, sys
service, region = sys.argv[1:]
credentials = json.load(sys.stdin)
print(f"aws-sigv4 = \"aws:amz:{region}:{service}\"")
print("user = \"%s:%s\"" % (credentials["AccessKeyId"], credentials["SecretAccessKey"]))
print("header = \"x-amz-security-token: %s\"" % credentials["Token"])
' "$1" "$2"
}

# secrets_manager ACTION FILE: sends the JSON document in the file
secrets_manager() {
  local options
  options=$(signed secretsmanager "$REGION") || return 1
  curl -fsS --max-time 30 -K - -H 'content-type: application/x-amz-json-1.1' -H "x-amz-target: secretsmanager.$1" \
    --data-binary "@$2" "https://secretsmanager.$REGION.amazonaws.com/" <<<"$options"
}

# NVMe volumes show their id as serial number, without the dash (https://docs.aws.amazon.com/ebs/latest/userguide/nvme-ebs-volumes.html).
data_device() {
  local device
  device=$(lsblk --nodeps --noheadings --output PATH,SERIAL | awk -v serial="$(tr -d - <<<"$DATA_VOLUME")" '$2 == serial { print $1 }')
  if [[ -n $device ]]; then
    echo "$device"
  else
    [[ -b $DATA_DEVICE ]] && echo "$DATA_DEVICE"
  fi
}

fetch_image() {
  local options
  options=$(signed s3 "$BUCKET_REGION") || return 1
  # curl before 8 signs for S3 only with this header given.
  curl -fsS -K - -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' --output "$1" "https://s3.$BUCKET_REGION.amazonaws.com/$IMAGE_PATH" <<<"$options"
}

fetch_certificate() {
  secrets_manager GetSecretValue <(printf '{"SecretId": "%s"}' "$CERTIFICATE_SECRET") |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["SecretString"])'
}

publish_access() {
  local request=/run/registry-access-request.json
  (umask 077 && python3 -c '
import json, sys
print(json.dumps({"SecretId": sys.argv[1], "SecretString": open(sys.argv[2]).read()}))
' "$ACCESS_SECRET" "$1" >"$request")
  secrets_manager PutSecretValue "$request" >/dev/null
  local result=$?
  rm -f "$request"
  return $result
}
`;
