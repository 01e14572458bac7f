//! Words to people outside the pages: today SMS by way of outside gateways. When a message is due and to whom is
//! decided above; nothing here knows a sign-in.

pub mod sms;
