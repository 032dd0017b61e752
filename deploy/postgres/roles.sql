-- The roles of OnRecord's database, and what each may do. Run it once, before the first `manage.py migrate`, as a superuser:
--
--   psql --dbname onrecord --set ON_ERROR_STOP=1 --file deploy/postgres/roles.sql
--
-- Running it again changes nothing that is right already, so an installation that began without roles can take them on.
-- Rights on tables are given by `manage.py migrate`, run as the owner (docs/running.md, section The roles of the database).
--
-- onrecord_owner   owns every table, trigger and function; nobody signs in as it
-- onrecord_app     the servers and workers: adds to the record, never changes it
-- onrecord_purge   deletes and re-wraps record keys and search words; the app takes this role for a disposal only
-- onrecord_reader  reads: for replicas, dumps and reports. Words and sessions are in the clear: give it to few

SELECT format('CREATE ROLE %I %s', name, attributes)
FROM (VALUES ('onrecord_owner', 'NOLOGIN'), ('onrecord_app', 'LOGIN'), ('onrecord_purge', 'NOLOGIN'), ('onrecord_reader', 'NOLOGIN'))
    AS wanted (name, attributes)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE onrecord_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
-- NOINHERIT: membership in onrecord_purge gives nothing until the app asks for it, by SET LOCAL ROLE.
ALTER ROLE onrecord_app LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
-- A server's machine that is gone (its power, its network) leaves its session, and whatever that has locked. By its own
-- default PostgreSQL notices after two hours; so after two minutes. Not sooner: a machine that was only cut off goes on
-- changing key files in a rotation or a disposal, and must not find its lock given to others at each short break.
ALTER ROLE onrecord_app SET tcp_keepalives_idle = 60;
ALTER ROLE onrecord_app SET tcp_keepalives_interval = 10;
ALTER ROLE onrecord_app SET tcp_keepalives_count = 6;
ALTER ROLE onrecord_app SET tcp_user_timeout = 120000;
ALTER ROLE onrecord_purge NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
ALTER ROLE onrecord_reader NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- The app is a member of onrecord_purge and of nothing else.
SELECT format('REVOKE %I FROM onrecord_app', granted.rolname)
FROM pg_auth_members JOIN pg_roles AS granted ON granted.oid = roleid JOIN pg_roles AS holder ON holder.oid = member
WHERE holder.rolname = 'onrecord_app' AND granted.rolname <> 'onrecord_purge'
\gexec
GRANT onrecord_purge TO onrecord_app;

SELECT format('ALTER DATABASE %I OWNER TO onrecord_owner', current_database())
\gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database())
\gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO onrecord_app, onrecord_reader', current_database())
\gexec
ALTER SCHEMA public OWNER TO onrecord_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO onrecord_app, onrecord_purge, onrecord_reader;

-- What an installation without roles has made already. Sequences of identity columns go with their tables.
SELECT format('ALTER TABLE %s OWNER TO onrecord_owner', oid::regclass)
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
AND relowner <> 'onrecord_owner'::regrole
\gexec
SELECT format('ALTER FUNCTION %s OWNER TO onrecord_owner', oid::regprocedure)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proowner <> 'onrecord_owner'::regrole
\gexec
