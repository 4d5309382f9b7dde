# SPDX-License-Identifier: Apache-2.0
"""The image's bill of materials, as SPDX 2.3 in JSON: berth, what is linked into it, and each package of which a file is
there."""

import re
from urllib.parse import quote

from debian import SUITE
from oci import as_json, time_of

UNKNOWN = "NOASSERTION"


def spdx_id(*parts):
    return "SPDXRef-" + "-".join(re.sub(r"[^A-Za-z0-9.-]", "-", part) for part in parts)


def described(identifier, name, version, **more):
    return {"SPDXID": identifier, "name": name, "versionInfo": version, "downloadLocation": UNKNOWN, "filesAnalyzed": False,
            "licenseConcluded": UNKNOWN, "licenseDeclared": UNKNOWN, "copyrightText": UNKNOWN, **more}


def located(name, version, architecture):
    """By what scanners look a package up."""
    return [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
             "referenceLocator": f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}?arch={architecture}&distro={SUITE}"}]


def of_package(package):
    more = {"homepage": package.homepage} if package.homepage else {}
    return described(spdx_id("debian", package.name), package.name, package.version,
                     supplier="Organization: Debian", externalRefs=located(package.name, package.version, package.architecture),
                     sourceInfo=f"built by Debian from {package.source} {package.source_version}", **more)


def document(image, made, packages):
    whole = described("SPDXRef-image", "berth-image", made.version, primaryPackagePurpose="CONTAINER",
                      checksums=[{"algorithm": "SHA256", "checksumValue": image.digest.partition(":")[2]}])
    berth = {**described("SPDXRef-berth", "berth", made.version), "licenseDeclared": "Apache-2.0"}
    linked = [described("SPDXRef-linked-libarchive", "libarchive", made.libarchive, supplier="Organization: Debian",
                        externalRefs=located("libarchive-dev", made.libarchive, made.target.name))] if made.libarchive else []
    ids = [spdx_id("debian", package.name) for package in packages]

    def related(one, how, other):
        return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}
    return as_json({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"berth-image-{made.version}",
        # It has to be unique to the document, and no page has to be there.
        "documentNamespace": f"https://spdx.org/spdxdocs/berth-image-{made.version}-{image.digest.partition(':')[2]}",
        "creationInfo": {"created": time_of(image.epoch), "creators": ["Tool: berth packaging/image/build"]},
        "packages": [whole, berth, *linked, *(of_package(package) for package in packages)],
        "relationships": [
            related("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-image"),
            related("SPDXRef-image", "CONTAINS", "SPDXRef-berth"),
            *(related(one["SPDXID"], "STATIC_LINK", "SPDXRef-berth") for one in linked),
            *(related("SPDXRef-image", "CONTAINS", identifier) for identifier in ids),
        ],
    })
