"""XML documents from the models of vo-models."""

from __future__ import annotations

from typing import Any

from lxml import etree
from pydantic_xml import BaseXmlModel


def document(model: BaseXmlModel, *, skip_empty: bool = True) -> bytes:
    """Give a model as a document, UTF-8 with a declaration.

    Parameters
    ----------
    model
        The root element.
    skip_empty
        Whether elements without content are left out.
    """
    return tree_document(model.to_xml_tree(skip_empty=skip_empty))


def tree_document(tree: Any) -> bytes:
    """Give an lxml element as a document, UTF-8 with a declaration."""
    return bytes(etree.tostring(tree, encoding="UTF-8", xml_declaration=True))
