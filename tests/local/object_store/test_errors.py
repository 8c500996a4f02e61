"""S3's error documents."""

from xml.etree import ElementTree as ET

from audio_enhance.local.object_store import errors as s3


def test_a_document_is_xml_whatever_was_asked_for() -> None:
    key = "Assets/\x00\x01\ud800\uffff<&amp;\U0001f600\t"
    document = ET.fromstring(s3.no_such_key(key).document("id", "host"))
    assert document.findtext("Key") == "Assets/\ufffd\ufffd\ufffd\ufffd<&amp;\U0001f600\t"
    assert document.findtext("RequestId") == "id"
