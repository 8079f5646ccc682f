//! The window: the home page, then the chat page, and what closing it means.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use adw::prelude::*;
use chat_core::ChatClient;
use gtk::{gio, glib};

use crate::{
    bridge::{self, ListenerBridge, off_main_loop, receive},
    error::{Field, FieldError},
    hosting::{self, Hosted},
    view::{ChatPage, Connection, HomePage, Wish},
};

/// One person's window. Cheap to clone: all clones are the same window.
#[derive(Clone)]
pub(crate) struct Window(Rc<Inner>);

struct Inner {
    window: adw::ApplicationWindow,
    stack: gtk::Stack,
    toasts: adw::ToastOverlay,
    home: RefCell<Option<HomePage>>,
    chat: RefCell<Option<ChatPage>>,
    /// Leaving is under way.
    is_leaving: Cell<bool>,
}

impl Window {
    pub(crate) fn new(application: &adw::Application) -> Self {
        let stack =
            gtk::Stack::builder().transition_type(gtk::StackTransitionType::Crossfade).build();
        let toasts = adw::ToastOverlay::new();
        toasts.set_child(Some(&stack));
        let window = adw::ApplicationWindow::builder()
            .application(application)
            .title("Chat")
            .default_width(760)
            .default_height(700)
            .content(&toasts)
            .build();
        let this = Self(Rc::new(Inner {
            window,
            stack,
            toasts,
            home: RefCell::default(),
            chat: RefCell::default(),
            is_leaving: Cell::new(false),
        }));
        let home = HomePage::new(this.with(|this, wish| this.try_wish(wish)));
        this.0.stack.add_child(&home);
        this.0.home.replace(Some(home));
        this.set_up_closing();
        let show_people = gio::SimpleAction::new("show-people", None);
        show_people.connect_activate({
            let toggle = this.with(|this, ()| {
                if let Some(chat) = &*this.0.chat.borrow() {
                    chat.toggle_people();
                }
            });
            move |_, _| toggle(())
        });
        this.0.window.add_action(&show_people);
        this
    }

    pub(crate) fn present(&self) {
        self.0.window.present();
        // The window keeps its parts alive through the handlers; this keeps those alive with it.
        let keep = RefCell::new(Some(self.clone()));
        self.0.window.connect_destroy(move |_| drop(keep.take()));
    }

    /// A handler that does not keep the window alive.
    fn with<T: 'static>(&self, act: impl Fn(&Self, T) + 'static) -> impl Fn(T) + 'static {
        let weak = Rc::downgrade(&self.0);
        move |value| {
            if let Some(inner) = weak.upgrade() {
                act(&Self(inner), value);
            }
        }
    }

    /// Hosts or joins, and shows the room or what went wrong.
    fn try_wish(&self, wish: Wish) {
        let this = self.clone();
        this.set_busy(true);
        glib::spawn_future_local(async move {
            let (listener, events) = ListenerBridge::new();
            let connected = off_main_loop(move || fulfil(wish, listener)).await;
            this.set_busy(false);
            match connected {
                Ok(Ok(connection)) => {
                    let page = this.show_chat(connection);
                    receive(events, move |updates, closed| {
                        page.take(&updates, closed);
                        true
                    });
                }
                Ok(Err(error)) => this.show_error(&error),
                Err(sentence) => this.show_error(&FieldError { field: Field::Address, sentence }),
            }
        });
    }

    fn set_busy(&self, is_busy: bool) {
        if let Some(home) = &*self.0.home.borrow() {
            home.set_busy(is_busy);
        }
    }

    fn show_error(&self, error: &FieldError) {
        if let Some(home) = &*self.0.home.borrow() {
            home.show_error(error);
        }
    }

    fn show_chat(&self, connection: Connection) -> ChatPage {
        let page = ChatPage::new(connection, {
            let leave = self.with(|this, ()| this.ask_to_leave(false));
            move || leave(())
        });
        self.0.stack.add_child(&page);
        self.0.stack.set_visible_child(&page);
        page.focus_entry();
        self.0.chat.replace(Some(page.clone()));
        page
    }

    fn set_up_closing(&self) {
        let this = Rc::downgrade(&self.0);
        self.0.window.connect_close_request(move |_| {
            let Some(this) = this.upgrade().map(Self) else { return glib::Propagation::Proceed };
            if this.0.chat.borrow().is_none() {
                return glib::Propagation::Proceed;
            }
            this.ask_to_leave(true);
            glib::Propagation::Stop
        });
    }

    /// Leaves the room; a host whose guests are there is asked first.
    fn ask_to_leave(&self, then_close: bool) {
        if self.0.is_leaving.get() {
            return;
        }
        let hosts_others = self.0.chat.borrow().as_ref().is_some_and(ChatPage::hosts_others);
        if !hosts_others {
            return self.leave(then_close);
        }
        let dialog = adw::MessageDialog::new(
            Some(&self.0.window),
            Some("Close the room for everyone?"),
            Some("You host this room. When you leave, it ends, and everyone in it is told."),
        );
        dialog.add_responses(&[("stay", "Stay"), ("close", "Close the room")]);
        dialog.set_response_appearance("close", adw::ResponseAppearance::Destructive);
        dialog.set_default_response(Some("stay"));
        dialog.set_close_response("stay");
        let answer = self.with(move |this, response: String| {
            if response == "close" {
                this.leave(then_close);
            }
        });
        dialog.connect_response(None, move |_, response| answer(response.to_owned()));
        dialog.present();
    }

    /// Stops the server if it runs here, then leaves, then shows the home page or closes.
    fn leave(&self, then_close: bool) {
        self.0.is_leaving.set(true);
        let page = self.0.chat.take();
        let connection = page.as_ref().and_then(ChatPage::take_connection);
        let this = self.clone();
        glib::spawn_future_local(async move {
            if let Some(Connection { client, hosted }) = connection {
                if let Some(hosted) = hosted {
                    this.stop_hosting(hosted).await;
                }
                bridge::close(client).await;
            }
            this.0.is_leaving.set(false);
            if then_close {
                this.0.window.destroy();
                return;
            }
            if let Some(home) = &*this.0.home.borrow() {
                this.0.stack.set_visible_child(home);
            }
            if let Some(page) = page {
                this.0.stack.remove(&page);
            }
        });
    }

    async fn stop_hosting(&self, hosted: Hosted) {
        let stopped = off_main_loop(move || hosting::stop(hosted)).await;
        if let Err(sentence) | Ok(Err(sentence)) = stopped {
            self.0.toasts.add_toast(adw::Toast::new(&sentence));
        }
    }
}

/// Starts what is needed and connects. Blocks.
fn fulfil(wish: Wish, listener: ListenerBridge) -> Result<Connection, FieldError> {
    let (name, server, hosted) = match wish {
        Wish::Host { name, port } => {
            let hosted = hosting::start(port)?;
            (name, hosted.own_address.to_string(), Some(hosted))
        }
        Wish::Join { name, server } => (name, server, None),
    };
    let client = ChatClient::builder(server, name).listener(listener).connect()?;
    Ok(Connection { client, hosted })
}
