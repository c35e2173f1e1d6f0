"""Who may read tables of PostgreSQL: carried over from old tables to new ones of the same names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from vo_emline.candidates.database import identifier

if TYPE_CHECKING:
    from psycopg import Cursor

_GRANTEE: Final = "CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END"

_USERS: Final = f"""
    SELECT {_GRANTEE} FROM pg_namespace AS space, aclexplode(space.nspacl) AS acl
    WHERE space.nspname = %s AND acl.privilege_type = 'USAGE' AND acl.grantee <> space.nspowner"""  # noqa: S608

_READERS: Final = f"""
    SELECT fresh.relname, {_GRANTEE}
    FROM pg_class AS given JOIN pg_class AS fresh USING (relname), aclexplode(given.relacl) AS acl
    WHERE given.relnamespace = %s::regnamespace AND fresh.relnamespace = %s::regnamespace
      AND acl.privilege_type = 'SELECT' AND acl.grantee <> given.relowner"""  # noqa: S608 - fixed texts


def copy_grants(cursor: Cursor, old: str, new: str) -> None:
    """Let those who may read tables of one schema read the tables of the same names in another."""
    for (role,) in cursor.execute(_USERS, [old]).fetchall():
        cursor.execute(f"GRANT USAGE ON SCHEMA {identifier(new)} TO {role}")
    for table, role in cursor.execute(_READERS, [old, new]).fetchall():
        cursor.execute(f"GRANT SELECT ON {identifier(new)}.{identifier(table)} TO {role}")
