"""What the database refuses to the role of the app: statements that are right, for somebody else."""

FORBIDDEN = (
    "UPDATE archive_leaf SET hash = hash",
    "DELETE FROM archive_entry",
    "TRUNCATE archive_checkpoint",
    "UPDATE archive_recordkey SET wrapped = wrapped",
    "DELETE FROM archive_document",
    "DROP TRIGGER archive_leaf_no_change ON archive_leaf",
    "ALTER TABLE archive_leaf DISABLE TRIGGER ALL",
    "ALTER TABLE archive_leaf OWNER TO onrecord_app",
    "ALTER TABLE messenger_message DISABLE TRIGGER messenger_message_has_entry",
    "CREATE OR REPLACE FUNCTION archive_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "DROP TABLE archive_tile CASCADE",
    "CREATE TABLE elsewhere (a integer)",
    "CREATE TEMPORARY TABLE archive_entry (seq bigint)",
    "SET session_replication_role = replica",
    "SET ROLE onrecord_owner",
    "SET ROLE onrecord_reader",
    "GRANT onrecord_owner TO onrecord_app",
    "ALTER ROLE onrecord_app SUPERUSER",
    "DELETE FROM django_migrations",
)
# Also under the role of a purge.
FORBIDDEN_TO_PURGE = (
    "UPDATE archive_leaf SET hash = hash",
    "DELETE FROM archive_entry",
    "DELETE FROM archive_checkpoint",
    "INSERT INTO archive_leaf (seq, data, hash) VALUES (99999, '', '')",
    "UPDATE messenger_message SET body = ''",
    "DROP TRIGGER archive_leaf_no_change ON archive_leaf",
)
