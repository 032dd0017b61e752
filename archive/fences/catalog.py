"""What the database says about its fences: triggers, functions, tables, rights and roles, each as one line of text.

It reads the database's own catalog, and must not judge: whether a change was meant, a person or a migration knows.
"""

from django.db import connection

from archive.fences.tables import ROWS_WITH_ENTRIES

Definitions = dict[str, str]

# Names with the text that defines them. %(rows)s are the tables of others that have a fence.
_SQLITE = """
SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master
WHERE type IN ('trigger', 'view') OR tbl_name LIKE 'archive\\_%%' ESCAPE '\\' OR tbl_name IN %(rows)s
"""
_POSTGRES = """
WITH tables AS (
    SELECT * FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
    AND (relname LIKE 'archive\\_%%' OR relname IN %(rows)s OR relkind IN ('v', 'm'))
)
SELECT 'trigger ' || c.relname || '.' || t.tgname, concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal
UNION ALL
SELECT 'function ' || oid::regprocedure, concat_ws(' ', pg_get_functiondef(oid), proowner::regrole,
    (SELECT string_agg(item::text, ',' ORDER BY item::text) FROM unnest(proacl) item))
    FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prokind IN ('f', 'p')
UNION ALL
SELECT 'table ' || c.relname, concat_ws(' ', relowner::regrole, relrowsecurity, relforcerowsecurity, (
    SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated,
        pg_get_expr(d.adbin, d.adrelid)), ', ' ORDER BY a.attname)
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)) FROM tables c
UNION ALL
SELECT 'rights on ' || relname, (
    SELECT string_agg(item::text, ',' ORDER BY item::text) FROM unnest(relacl) item) FROM tables
UNION ALL
SELECT 'rights on columns of ' || relname, string_agg(attname || ' ' || attacl::text, ', ' ORDER BY attname)
    FROM tables c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL GROUP BY relname
UNION ALL
SELECT 'rights to create in ' || nspname, string_agg(DISTINCT item.grantee::regrole::text, ',')
    FROM pg_namespace n, aclexplode(nspacl) item WHERE n.oid = current_schema()::regnamespace
    AND item.privilege_type = 'CREATE' AND item.grantee <> nspowner GROUP BY nspname
UNION ALL
SELECT 'constraint ' || c.relname || '.' || conname, concat_ws(' ', pg_get_constraintdef(o.oid), convalidated)
    FROM pg_constraint o JOIN tables c ON c.oid = o.conrelid
UNION ALL
SELECT 'rule ' || tablename || '.' || rulename, definition FROM pg_rules WHERE schemaname = current_schema()
UNION ALL
SELECT 'role ' || rolname, concat_ws(' ', rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
    rolreplication, rolbypassrls, (SELECT string_agg(roleid::regrole::text, ',' ORDER BY roleid::regrole::text)
    FROM pg_auth_members WHERE member = r.oid), array_to_string(rolconfig, ','))
    FROM pg_roles r WHERE rolsuper OR rolname LIKE 'onrecord\\_%%' OR rolname = session_user
UNION ALL
SELECT 'members of ' || r.rolname, string_agg(member::regrole::text, ',' ORDER BY member::regrole::text)
    FROM pg_auth_members JOIN pg_roles r ON r.oid = roleid WHERE rolname LIKE 'onrecord\\_%%'
    AND (rolname, member::regrole::text) <> ('onrecord_purge', 'onrecord_app') GROUP BY r.rolname
"""


def describe() -> Definitions:
    """Return the definitions that decide what the database refuses, by name."""
    statement = _POSTGRES if connection.vendor == "postgresql" else _SQLITE
    names = ", ".join(f"'{table}'" for table in ROWS_WITH_ENTRIES)
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("%(rows)s", f"({names})").replace("%%", "%"), None)
        return {str(name): str(definition) for name, definition in cursor.fetchall()}


def count_migrations() -> int:
    """Return how many migrations have been applied."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_migrations")
        return int(cursor.fetchone()[0])
