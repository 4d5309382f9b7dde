# SPDX-License-Identifier: Apache-2.0
"""The kind ServiceMonitor, which is not Kubernetes' own: what of its definition (Prometheus Operator, v1) is in use here."""

import re


def an_object(required=(), **properties):
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


TEXT = {"type": "string"}
LABELS = {"type": "object", "additionalProperties": TEXT}
KEY = an_object(["key"], name=TEXT, key=TEXT, optional={"type": "boolean"})
ENDPOINT = an_object(
    port=TEXT, path=TEXT, scheme={"type": "string", "enum": ["http", "https"]},
    interval={"type": "string",
              "pattern": "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$"},
    authorization=an_object(type=TEXT, credentials=KEY),
    tlsConfig=an_object(serverName=TEXT, insecureSkipVerify={"type": "boolean"}, ca=an_object(secret=KEY, configMap=KEY)))
SPEC = an_object(["selector", "endpoints"], jobLabel=TEXT, selector=an_object(matchLabels=LABELS),
                 endpoints={"type": "array", "items": ENDPOINT})

NAMES = {"kind": "ServiceMonitor", "listKind": "ServiceMonitorList", "plural": "servicemonitors", "singular": "servicemonitor"}
# So that the API of a cluster knows it.
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "servicemonitors.monitoring.coreos.com"},
    "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": NAMES, "versions": [
        {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": an_object(
            ["spec"], apiVersion=TEXT, kind=TEXT, metadata={"type": "object"}, spec=SPEC)}}]},
}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}


def complaints(value, schema, where="spec") -> list[str]:
    """What of a value the definition does not know, or wants otherwise."""
    if not isinstance(value, TYPES[schema["type"]]):
        return [f"{where}: {value!r} is no {schema['type']}"]
    if schema["type"] == "array":
        return [said for number, one in enumerate(value) for said in complaints(one, schema["items"], f"{where}[{number}]")]
    if schema["type"] == "object":
        return [f"{where}.{name} is missing" for name in schema.get("required", []) if name not in value] + [
            said for name, one in value.items() for said in of_field(name, one, schema, where)]
    wrong = value not in schema.get("enum", [value]) or not re.search(schema.get("pattern", ""), str(value))
    return [f"{where}: {value!r} is none that it may be"] if wrong else []


def of_field(name, value, schema, where):
    known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
    return complaints(value, known, f"{where}.{name}") if known else [f"{where}.{name} is not known"]
