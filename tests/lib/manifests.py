# SPDX-License-Identifier: Apache-2.0
"""Kubernetes manifests, read so that nothing of them is passed over in silence: whoever takes an object apart has to take
every field of it."""

import base64
import contextlib
import re

import yaml

UNITS = {"": 1, "m": 0.001, **{unit: 1000 ** power for power, unit in enumerate("kMGTP", 1)},
         **{f"{unit}i": 1024 ** power for power, unit in enumerate("KMGTP", 1)}}


def quantity(said):
    """A number as manifests write it: 100m, 64Mi, 1."""
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", str(said)).groups()
    return float(number) * UNITS[unit]


class Fields:
    """What an object says. As a context manager it fails at the end if there are fields that nobody has taken."""

    def __init__(self, said, where):
        assert isinstance(said, dict), f"{where}: {said!r} is no object"
        self.said, self.where, self.left = said, where, set(said)

    def take(self, name, default=None):
        self.left.discard(name)
        return self.said.get(name, default)

    def need(self, name):
        assert name in self.said, f"{self.where}.{name} is missing"
        return self.take(name)

    def inside(self, name):
        """The fields of an object in it; of one that is not there, none."""
        return Fields(self.take(name) or {}, f"{self.where}.{name}")

    def each(self, name):
        """The fields of each object of a list."""
        for number, said in enumerate(self.take(name) or ()):
            yield Fields(said, f"{self.where}.{name}[{said.get('name', number)}]")

    def only(self, name, *values):
        """One of some values, None where it may be absent: others want something that is not known here."""
        value = self.take(name)
        assert value in values, f"{self.where}.{name} is {value!r}: only {values} is known here"
        return value

    def pass_over(self, *names):
        """What is none of the reader's business, for instance what the scheduler needs."""
        self.left.difference_update(names)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            assert not self.left, f"{self.where}: nothing is known here of {', '.join(sorted(self.left))}"


class Applied:
    """What was applied, by kind and name."""

    def __init__(self, documents):
        self.documents = {}
        for document in documents:
            self.documents[document["kind"], document["metadata"]["name"]] = document

    def get(self, kind, name):
        return self.documents.get((kind, name))

    def one(self, kind, name=None):
        """That of a name, or the only one of its kind."""
        found = [document for (that, called), document in self.documents.items() if that == kind and name in (None, called)]
        assert len(found) == 1, f"{len(found)} of {kind} {name or ''}"
        return found[0]

    def all(self, kind):
        return [document for (that, _), document in self.documents.items() if that == kind]


def decoded(text):
    """Of base64, in which line ends do not count."""
    return base64.b64decode("".join(text.split()), validate=True)


def data_of(document):
    """{key: bytes} of a ConfigMap or a Secret."""
    with Fields(document, document["kind"]) as fields:
        fields.pass_over("apiVersion", "kind", "metadata", "type", "immutable")
        data = fields.take("data") or {}
        if document["kind"] == "Secret":
            found = {key: decoded(value) for key, value in data.items()}
            return found | {key: value.encode() for key, value in (fields.take("stringData") or {}).items()}
        binary = {key: decoded(value) for key, value in (fields.take("binaryData") or {}).items()}
        return {key: value.encode() for key, value in data.items()} | binary


@contextlib.contextmanager
def object_fields(document, *top):
    """The `spec` of an object, of whose other fields only those named are known."""
    with Fields(document, document["kind"]) as fields:
        fields.pass_over("apiVersion", "kind", *top)
        with fields.inside("metadata") as metadata:
            metadata.pass_over("name", "namespace", "labels", "annotations")
        with fields.inside("spec") as spec:
            yield spec


def template_of(document):
    """The template of a pod in a Deployment, a Job or a CronJob: its metadata and its spec. A pod is its own."""
    if document["kind"] == "Pod":
        return {"metadata": document["metadata"], "spec": document["spec"]}
    with object_fields(document) as spec:
        if document["kind"] == "Deployment":
            template = deployed(spec)
        elif document["kind"] == "Job":
            template = once(spec)
        else:
            assert document["kind"] == "CronJob", document["kind"]
            # When and how many of them there are is the controller's business.
            spec.pass_over("schedule", "timeZone", "concurrencyPolicy", "suspend", "startingDeadlineSeconds",
                           "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
            with spec.inside("jobTemplate") as job, job.inside("spec") as job_spec:
                job.pass_over("metadata")
                template = once(job_spec)
    with Fields(template, "template") as fields:
        fields.pass_over("metadata", "spec")
    with Fields(template.get("metadata") or {}, "template.metadata") as metadata:
        metadata.pass_over("labels", "annotations", "name")
    return template


def deployed(spec):
    spec.pass_over("strategy", "revisionHistoryLimit", "progressDeadlineSeconds", "minReadySeconds")
    assert spec.take("replicas", 1) > 0, "no pod is wanted"
    template = spec.need("template")
    with spec.inside("selector") as selector:
        wanted = selector.need("matchLabels")
    labels = template["metadata"]["labels"]
    assert wanted.items() <= labels.items(), f"the selector {wanted} does not find {labels}"
    return template


def once(spec):
    spec.pass_over("backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished", "parallelism", "completions")
    return spec.need("template")


def pull_credentials(secret):
    """{host: (user, password)} of a Secret that imagePullSecrets names."""
    assert secret["type"] == "kubernetes.io/dockerconfigjson", secret["type"]
    said = yaml.safe_load(data_of(secret)[".dockerconfigjson"])  # JSON is YAML
    with Fields(said, "dockerconfigjson") as fields:
        hosts = fields.need("auths")
    return {host: login_of(entry, host) for host, entry in hosts.items()}


def login_of(entry, host):
    with Fields(entry, host) as fields:
        fields.pass_over("email")
        user, password, both = (fields.take(name) for name in ("username", "password", "auth"))
    if both:
        encoded_user, _, encoded_password = decoded(both).decode().partition(":")
        assert user in (None, encoded_user) and password in (None, encoded_password)
        return encoded_user, encoded_password
    return user, password
