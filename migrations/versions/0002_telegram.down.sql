drop trigger keep_forward on telegram.polling_cursors;
drop function telegram.keep_forward();
