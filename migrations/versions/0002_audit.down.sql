drop trigger refuse_truncate on common.audit_log;
drop function common.refuse_truncate();
drop trigger keep_audit_log on common.audit_log;
drop function common.keep_audit_log();
drop function common.audit_decision();
drop function common.audit_changes();
drop function common.pick(jsonb, text[]);
