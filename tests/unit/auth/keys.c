/* SPDX-License-Identifier: Apache-2.0
 * Keys for tests, made for nothing else and known to everybody. */
#include "unit/auth/keys.h"

#include "base/base64.h"
#include "unit/unit.h"

#include <stdio.h>

const char keys_rsa_private[] = "-----BEGIN PRIVATE KEY-----\n"
                                "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCjnm4cDMQh+Ta/\n"
                                "5yS0bbJPOZKbMLJmZZLKrcNU5xhHWMVRH81NcyLTw2NML8usvOe9kzQWscGnck8N\n"
                                "ZMcItXpOupCxYLgrJq1U6sjfz4gczemzzrkqX8EwJH3kEy7v4v5iGa5MYbuaRDxa\n"
                                "9j6PcvBwTo++7ZUWCZ87b2/A3MF/UoL3bqIv/Sh8XWGCsLRLYui9PEfkdIz4J8ex\n"
                                "6zWug/QVjgGXMg4Dhca2yZj50fKdaPXHhtVugzrAZa0ttLRMLWQ0tRJqvVuyVlvU\n"
                                "yHwxl/uvFcWLXaSG+OY929tfKrK0g89ROSyrD49qOrZCH4isFtBBd4c/bsTKIcEK\n"
                                "Nsye4P3VAgMBAAECggEAG1/cmr9NCkUUkqdUtgY7ZLNkcqgDVQvt8xB+44PVhUxW\n"
                                "GPRJ6EkY3NauFJdTi4dAe3B3MMvVM1N14+8GONAKEkV3A2JD9d4+9jvg10c0xeLy\n"
                                "lIWD59HE8+3LDT9jZTm0Z0vWJEvetBjyAyL7RQtNLHEMbjx4Kst501sZ1qnoislK\n"
                                "A1LPPv5D4eOE7SHe02+u8MB33/mPJuWggg7n84w8k6TDnOMI3Yt+Hxsmxz+kQLMA\n"
                                "MvOB9D6K4eTiVqO4yAYhOFe0Bwyns7tF3d8gmcQ0+PiaxhDU1Q/h0XJEkIsjIUI1\n"
                                "CdGSeCo4ra8OJNn5XdyhnNl8QcyqwATSSDKf1QM6IQKBgQDSVwP94iPFRIplTkbU\n"
                                "/HwF1JDxHfrELDrqHEGUzCyfhhXlRsi8JxbUYxT+BXoiJ6CSmdNQpxN6ud9TjXpE\n"
                                "EojUbyfK+H0NfUiOfbbZZ4kGkgSpZLT96fwjmjZs48I4Y232+bXLC81ISDPu50CN\n"
                                "npPrNm6F3IMv0l9yTCgFDjS44QKBgQDHIwne1c059ZhmGY6U2gAiPxYmqcV93RjB\n"
                                "XWKm1UAdNkeJL59GoQjifrqITVcDvah5RDQViiS5w5THf7clMqt4/a/fGyYfBkWY\n"
                                "OJg6s9wB7tq6UiEk4RZOKY9VNnbErlzSDg8rBLGVyYQtNHklL+/zoUM+TiAMa9Lm\n"
                                "kjCcBM1fdQKBgBRvTbz5nl4I5aUn8Ku6h9YNK7OxJO6wGV0rN5fcKi2pWjE3KkNV\n"
                                "TNt/cMepAo+U5/22IhiA0tymeDLm2M0KO+7fia8nawbHeCgXwI7ohyBzSS6n0Qmm\n"
                                "FM/kqIr1qaXOyx0mb2n1kJEIKrt4DgZ0NIyychRhMwGPX6R8D5tGIQshAoGBAKoJ\n"
                                "aSw1M4ACDZdgyzaezu5vH+LzpAbM+45gxxPdk1leN8cUOtR8PLHptC0enOY809Z4\n"
                                "PmEGDEXykt+mViQVGAW/2KSQ8gQbvuEzsgit+3ZLFclyx4pOCFXFdvY0A0X9/JQA\n"
                                "HUOGRny4DXzsCWWPgTxuvpQ88XCpwPPQcGFIWHThAoGATSMpHkm41HeQZZg0NvnX\n"
                                "mbT8fm/Vh+SlH0z4DvhBx3r8jqVksNz5W3Md4PO9F24l+ybqwltcvNYvliM7fPDI\n"
                                "2eH5Z5YbWIEVkzGP6tUhhVrJaXyDwtWN8DVPYtbI4h0A0EDYtPr4gpTAvLVOJ05f\n"
                                "1aVfMFX7NMDXUMgup+PKBAY=\n"
                                "-----END PRIVATE KEY-----\n";

const char keys_rsa_private_pkcs1[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEowIBAAKCAQEAo55uHAzEIfk2v+cktG2yTzmSmzCyZmWSyq3DVOcYR1jFUR/N\n"
    "TXMi08NjTC/LrLznvZM0FrHBp3JPDWTHCLV6TrqQsWC4KyatVOrI38+IHM3ps865\n"
    "Kl/BMCR95BMu7+L+YhmuTGG7mkQ8WvY+j3LwcE6Pvu2VFgmfO29vwNzBf1KC926i\n"
    "L/0ofF1hgrC0S2LovTxH5HSM+CfHses1roP0FY4BlzIOA4XGtsmY+dHynWj1x4bV\n"
    "boM6wGWtLbS0TC1kNLUSar1bslZb1Mh8MZf7rxXFi12khvjmPdvbXyqytIPPUTks\n"
    "qw+Pajq2Qh+IrBbQQXeHP27EyiHBCjbMnuD91QIDAQABAoIBABtf3Jq/TQpFFJKn\n"
    "VLYGO2SzZHKoA1UL7fMQfuOD1YVMVhj0SehJGNzWrhSXU4uHQHtwdzDL1TNTdePv\n"
    "BjjQChJFdwNiQ/XePvY74NdHNMXi8pSFg+fRxPPtyw0/Y2U5tGdL1iRL3rQY8gMi\n"
    "+0ULTSxxDG48eCrLedNbGdap6IrJSgNSzz7+Q+HjhO0h3tNvrvDAd9/5jybloIIO\n"
    "5/OMPJOkw5zjCN2Lfh8bJsc/pECzADLzgfQ+iuHk4lajuMgGIThXtAcMp7O7Rd3f\n"
    "IJnENPj4msYQ1NUP4dFyRJCLIyFCNQnRkngqOK2vDiTZ+V3coZzZfEHMqsAE0kgy\n"
    "n9UDOiECgYEA0lcD/eIjxUSKZU5G1Px8BdSQ8R36xCw66hxBlMwsn4YV5UbIvCcW\n"
    "1GMU/gV6IiegkpnTUKcTernfU416RBKI1G8nyvh9DX1Ijn222WeJBpIEqWS0/en8\n"
    "I5o2bOPCOGNt9vm1ywvNSEgz7udAjZ6T6zZuhdyDL9JfckwoBQ40uOECgYEAxyMJ\n"
    "3tXNOfWYZhmOlNoAIj8WJqnFfd0YwV1iptVAHTZHiS+fRqEI4n66iE1XA72oeUQ0\n"
    "FYokucOUx3+3JTKreP2v3xsmHwZFmDiYOrPcAe7aulIhJOEWTimPVTZ2xK5c0g4P\n"
    "KwSxlcmELTR5JS/v86FDPk4gDGvS5pIwnATNX3UCgYAUb028+Z5eCOWlJ/CruofW\n"
    "DSuzsSTusBldKzeX3CotqVoxNypDVUzbf3DHqQKPlOf9tiIYgNLcpngy5tjNCjvu\n"
    "34mvJ2sGx3goF8CO6Icgc0kup9EJphTP5KiK9amlzssdJm9p9ZCRCCq7eA4GdDSM\n"
    "snIUYTMBj1+kfA+bRiELIQKBgQCqCWksNTOAAg2XYMs2ns7ubx/i86QGzPuOYMcT\n"
    "3ZNZXjfHFDrUfDyx6bQtHpzmPNPWeD5hBgxF8pLfplYkFRgFv9ikkPIEG77hM7II\n"
    "rft2SxXJcseKTghVxXb2NANF/fyUAB1DhkZ8uA187Allj4E8br6UPPFwqcDz0HBh\n"
    "SFh04QKBgE0jKR5JuNR3kGWYNDb515m0/H5v1YfkpR9M+A74Qcd6/I6lZLDc+Vtz\n"
    "HeDzvRduJfsm6sJbXLzWL5YjO3zwyNnh+WeWG1iBFZMxj+rVIYVayWl8g8LVjfA1\n"
    "T2LWyOIdANBA2LT6+IKUwLy1TidOX9WlXzBV+zTA11DILqfjygQG\n"
    "-----END RSA PRIVATE KEY-----\n";

const char keys_rsa_public[] = "-----BEGIN PUBLIC KEY-----\n"
                               "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAo55uHAzEIfk2v+cktG2y\n"
                               "TzmSmzCyZmWSyq3DVOcYR1jFUR/NTXMi08NjTC/LrLznvZM0FrHBp3JPDWTHCLV6\n"
                               "TrqQsWC4KyatVOrI38+IHM3ps865Kl/BMCR95BMu7+L+YhmuTGG7mkQ8WvY+j3Lw\n"
                               "cE6Pvu2VFgmfO29vwNzBf1KC926iL/0ofF1hgrC0S2LovTxH5HSM+CfHses1roP0\n"
                               "FY4BlzIOA4XGtsmY+dHynWj1x4bVboM6wGWtLbS0TC1kNLUSar1bslZb1Mh8MZf7\n"
                               "rxXFi12khvjmPdvbXyqytIPPUTksqw+Pajq2Qh+IrBbQQXeHP27EyiHBCjbMnuD9\n"
                               "1QIDAQAB\n"
                               "-----END PUBLIC KEY-----\n";

const char keys_rsa_public_1024[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDFwj9sUQftMRAk1uEhYR2RV1EH\n"
    "wyp4Ip/bIytEwjQgfHl0kd+DsEW6KaC09tA1FPBHUdEL7oOIOZMhkMxTZ8EBPuVB\n"
    "P2pVZlNHHCx/kriw+rM2u16AwIE0S/lMiQZWBTdbrHHTWjUWEB2LBrTSws0Gp1Sd\n"
    "HVNPOkp0LFLB/XzJPwIDAQAB\n"
    "-----END PUBLIC KEY-----\n";

const char keys_rsa_public_2047[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBITANBgkqhkiG9w0BAQEFAAOCAQ4AMIIBCQKCAQBVsPaGhLJQOzQ/p1LQG2Zn\n"
    "Ntqj+IxzjSc7EfF2a4N7wu+AWC9gF6YJAY/1WtrbmkgEUYX9wW5tbbE6oPkkAZH2\n"
    "1W17UV2Kww1iMf/d/ZsLdgpttVQU/FdotorHUSiW6YSXzaCbt5IQK5pUKf1K541/\n"
    "w1LbDu/uWKw9KWxph7o5yehuWhpgQgBTK9fxw2tMm6UMEfl1P0HtOEMk/5kEPUrJ\n"
    "QzpcFtdYtcNH+eWbb+dpPJhIKxGBxjBTXjaCT5C62zMC9vfY0M+DZYmBy+mk9HGs\n"
    "q2SmId3colunkMRGnNWsoMHMlsCVqA3KMpdI09gmrCkjPGEyK26po7CE9cPRIKgF\n"
    "AgMBAAE=\n"
    "-----END PUBLIC KEY-----\n";

const char keys_rsa_pss_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIDALBgkqhkiG9w0BAQoDggEPADCCAQoCggEBAOhwBKdOvBhRT5SXAvevXNKe\n"
    "Q0/mjOehB3ijPM9vpOt20nGTKJ+bYuUrjU17rvdpLZpwx5zWKs/OK05P5cjpUhsU\n"
    "9OCd4lFBMF26o00fn4vZypCAnxbma7QK4F0JkgvZyQklG6kDeM7aI630CPkYu/rZ\n"
    "ldOfB0EVg+IovWvZ2goICbFd00LIV9K55RVz+hfhlzvehEovKdq6aRAYI5HsnrYk\n"
    "w/SiZFSPNpWbNH3cKxUjTFNU7JjlqwSFuBCgJhVZFz12vAhgvcYffNeLdwhU+Nml\n"
    "Jc7Qxffmr0Lc6D8qWXVu18QFfApStmY8709kSGoUlZ1Y1kumooVVIjLwkRKGIZMC\n"
    "AwEAAQ==\n"
    "-----END PUBLIC KEY-----\n";

const char keys_p256_private[] =
    "-----BEGIN EC PARAMETERS-----\n"
    "BggqhkjOPQMBBw==\n"
    "-----END EC PARAMETERS-----\n"
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIHpK4FtsOzEUGl6CV3PpfRP/3Zavt96nP+R0RphkMuOKoAoGCCqGSM49\n"
    "AwEHoUQDQgAEDAV5UspJyR0r9fPO7di7oPjrjNk9V7FY2JrPZAZvGNDQDnqg+rrj\n"
    "2QS81WzQ0EoLZv5O8ZuyGSmvuR0U5ITeLA==\n"
    "-----END EC PRIVATE KEY-----\n";

const char keys_p256_public[] = "-----BEGIN PUBLIC KEY-----\n"
                                "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEDAV5UspJyR0r9fPO7di7oPjrjNk9\n"
                                "V7FY2JrPZAZvGNDQDnqg+rrj2QS81WzQ0EoLZv5O8ZuyGSmvuR0U5ITeLA==\n"
                                "-----END PUBLIC KEY-----\n";

const char keys_p256_certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBhDCCASmgAwIBAgIUKqAfUSO128L6oAtE7EIW2UcjShgwCgYIKoZIzj0EAwIw\n"
    "FzEVMBMGA1UEAwwMdG9rZW4tc2VydmVyMB4XDTI2MTEyNDE3MTYyMVoXDTI2MTEy\n"
    "NTE3MTYyMVowFzEVMBMGA1UEAwwMdG9rZW4tc2VydmVyMFkwEwYHKoZIzj0CAQYI\n"
    "KoZIzj0DAQcDQgAEDAV5UspJyR0r9fPO7di7oPjrjNk9V7FY2JrPZAZvGNDQDnqg\n"
    "+rrj2QS81WzQ0EoLZv5O8ZuyGSmvuR0U5ITeLKNTMFEwHQYDVR0OBBYEFKEGeKdB\n"
    "2eJpNeSt9D8JSbPIvEmdMB8GA1UdIwQYMBaAFKEGeKdB2eJpNeSt9D8JSbPIvEmd\n"
    "MA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhANZz1MCPW+wtD+Xb\n"
    "gZfRUrtZ8HgQJPdRzwGyFNxWyM6JAiEAgNWNFJH7kLb2NbBLsBbYu/i2mgstfy3E\n"
    "528eGMOtu1Y=\n"
    "-----END CERTIFICATE-----\n";

const char keys_p256_encrypted[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAidpK02/AoM6AICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEDZDjNdQ8F+mmG+ayWTcsFMEgZBk\n"
    "AUalUafGEFV8CA3XAG06umfLtUI+d4mG9N36AA6uEU98Q0CA7FngJX/WsZirtDst\n"
    "gdHfDN7Q9NoDX66cMtM70jmV73GSXiFySp7ty8BmuaQjmj8PNj9mhj9aWSygqL3E\n"
    "N0/WwCWYUsB8JyKHYys89cDI1Tf2jjOMxabD0mn4nt30wvChWDo9bkBqq7z1j5I=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

const char keys_p384_public[] = "-----BEGIN PUBLIC KEY-----\n"
                                "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEQ7WVtong30GUo4eaEi+ov3Kl5b534Z1n\n"
                                "JQs6oWJh7Rwzns3lZ0tFkler+S6kSwdxzpF4VvQqB3CbDTsv3memRTEXWZDtz32C\n"
                                "V63isi9m1CK79RPR9sBHFrfnk4zNqkWr\n"
                                "-----END PUBLIC KEY-----\n";

const char keys_x25519_public[] = "-----BEGIN PUBLIC KEY-----\n"
                                  "MCowBQYDK2VuAyEApe7ngalpBPsWUnsTe5hp/6naDRxT/GmeGB9gIlLNJSU=\n"
                                  "-----END PUBLIC KEY-----\n";

const char keys_ed25519_private[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIF+L2rEZT1hUQm3LHNDooHF31LCfZCHN7wA9TXWzLtFQ\n"
    "-----END PRIVATE KEY-----\n";

const char keys_ed25519_public[] = "-----BEGIN PUBLIC KEY-----\n"
                                   "MCowBQYDK2VwAyEAsySDQ+Ii1KHSkHDgbHVf0ovUOvZe3klEp1JzxNEunIc=\n"
                                   "-----END PUBLIC KEY-----\n";

const char keys_rsa_n[] =
    "o55uHAzEIfk2v-cktG2yTzmSmzCyZmWSyq3DVOcYR1jFUR_NTXMi08NjTC_LrLznvZM0FrHBp3JPDWTH"
    "CLV6TrqQsWC4KyatVOrI38-IHM3ps865Kl_BMCR95BMu7-L-YhmuTGG7mkQ8WvY-j3LwcE6Pvu2VFgmf"
    "O29vwNzBf1KC926iL_0ofF1hgrC0S2LovTxH5HSM-CfHses1roP0FY4BlzIOA4XGtsmY-dHynWj1x4bV"
    "boM6wGWtLbS0TC1kNLUSar1bslZb1Mh8MZf7rxXFi12khvjmPdvbXyqytIPPUTksqw-Pajq2Qh-IrBbQ"
    "QXeHP27EyiHBCjbMnuD91Q";

const char keys_rsa_1024_n[] =
    "xcI_bFEH7TEQJNbhIWEdkVdRB8MqeCKf2yMrRMI0IHx5dJHfg7BFuimgtPbQNRTwR1HRC-6DiDmTIZDM"
    "U2fBAT7lQT9qVWZTRxwsf5K4sPqzNrtegMCBNEv5TIkGVgU3W6xx01o1FhAdiwa00sLNBqdUnR1TTzpK"
    "dCxSwf18yT8";

const char keys_rsa_8200_n[] =
    "i13HYThO76YtQmCa0w4ckUxExaVpDcNHmnNqr0wVAL9UnpSt_uUhq46iBBf43Jxg08YG7fDKi6ru9LDD"
    "CgbMCmvQVe_1bMMroY1IEE0MZnCj0dkjg3w1c2ZWK9jPkU5Xyi6GjkHIPOI5HgQzHqpE5n6CNQleC0b2"
    "gpAK7nQwgW2cPpv_7M_wVgp9Q8A11jB1d0cif2pRvr1Y_02wrquRdJfyCxL6N7jWL-WFUntKCzooOD1C"
    "o7p5zlckJgircVcnbBPFi3lJdfqZ--YXTyOEzyHS8RI8jQqY5R16Er3uobqdvjB56R1H_Nukcahesf91"
    "xrISkXV475MoujOOqCwVN1UkrqCf0qPPqm0sZtkdVfTKZVu7Lku-PmpkJtcqVwiT-LVDphC7JCh7X49i"
    "-ofrQ4gMrO5tnlzt8bRn3qy5CdnVBuaOrgTzPF1H6uYESnc082rP_XF6xtNCwgXejF3m0ca1vOlL8VEG"
    "182H0DqTPNPjCJcNcrukJN9K5XuKXRkAT2Y9And6JLwCe81cR87QPjzh-iJU5XRiN1Ed73UZW86-Z48_"
    "quV4233A3EetwuNZg9A1c2X0Dl5Z2zrVT1ebz15bE_goJcnrOTAgqho_faIOgrZmcgbq6V_VUi9MPqgS"
    "JDsDsW9pDoT8bBY1f1Xj18AC9rJu-vXp-FPkhfn_AK8VxhCdyLHcr291DH9vLXO7JcLU4Br_G5bg5jZ8"
    "ivOkVi4Zk_dYXf85s4s7blxauSvcqa2RmFgpZD3y9Nz5qKxTL19WmtlaLdZfRF2H0iniVfVpdEPE6Rge"
    "H7NOUmf6NhyjEzb5YoaXFznu67gc2kT2JGLHDrIDjaZpoMi_hQ3HKb871iYCdwHWgW5D-DyfMWhzJ3s6"
    "zpWTc2PWyepiIR3sPQRhFPNOikbSRRo5g1fmxZX6AM0GKT2nUB8ooEm5sF_sFmM7Pmraoh8nXJLTxNcT"
    "AYujcW7l-krpRcXE1WnhF3tnRxDbap6M6wjUgDs_g06DWdzvLK5rbpyLASqaKD2NnPIx7Yx5ev6cuWUX"
    "vdydioVVNfN1O7Nlq4sasWzgHwLonlQOwbbLwY8-GQPmZQarLTH2tVUrdV4iUjtfVgNgKaCtBsMJI2gt"
    "i3H9BBgDCGBClTGYsW_i1kLSM_kNEiM9p8tJqzwQQ56g2JmDy_aVEQVEvyW2zOWIprOEKQrqFX2tBjX3"
    "_j2wTpxzritoAcpqED9MNPx70P-jyvkKToHm1lQkgm5HxV2RYol_qY0Aqx4X9KZ_HqjL5YhUPd5KP88c"
    "kp1IQ-o476go50XeVsn6-wlcv4z09ypPmXazClgaoz9nAkQxNO2YgAjfweHbi-gsH5sONXE_peijYY80"
    "ccxmAd8";

const char keys_p256_x[] = "DAV5UspJyR0r9fPO7di7oPjrjNk9V7FY2JrPZAZvGNA";

const char keys_p256_y[] = "0A56oPq649kEvNVs0NBKC2b-TvGbshkpr7kdFOSE3iw";

const char keys_ed25519_x[] = "sySDQ-Ii1KHSkHDgbHVf0ovUOvZe3klEp1JzxNEunIc";

const char keys_hs256_by_pem[] =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYWxsb3J5IiwiZXhwIjo0MDAwMDAwMDA"
    "wfQ.vSKousE6F1BxgYJVYAHYvRQW6LAU0gRcWmsd52HQsKk";

const char keys_hs256_by_bytes[] =
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJtYWxsb3J5IiwiZXhwIjo0MDAwMDAwMDA"
    "wfQ.2u4ziWBXgV9kL-YOLO51CYXP0_WlmuuzBCS4lYWyii0";

const char keys_rfc8037_jwks[] =
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaa"
    "PcHURo\"}]}";

const char keys_rfc8037_private[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";

const char keys_rfc8037_jws[] =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1P"
    "POt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

const char keys_rfc7515_rs256_jwks[] =
    "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26"
    "mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b3"
    "2690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBE"
    "Ma2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAc"
    "o9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}]}";

const char keys_rfc7515_rs256[] =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9"
    "leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2Vt"
    "Qgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKB"
    "YNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN"
    "9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI"
    "8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

const char keys_rfc7515_es256_jwks[] =
    "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvR"
    "VEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";

const char keys_rfc7515_es256[] =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9"
    "leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXF"
    "CgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

int keys_add(struct key_set *set, const char *dir, const char *text)
{
    char path[128];

    unit_put(dir, "key-file", text);
    snprintf(path, sizeof path, "%s/key-file", dir);
    return key_set_add_file(set, path, &failure);
}

void keys_sign(const struct key *key, const char *header, const char *payload, struct buf *token)
{
    AUTO_BUF signature = BUF_INIT;

    base64_encode_url(token, header, strlen(header));
    buf_addc(token, '.');
    base64_encode_url(token, payload, strlen(payload));
    assert_returns(0, key_sign(key, token->s, token->len, &signature, &failure));
    buf_addc(token, '.');
    base64_encode_url(token, signature.s, signature.len);
}
